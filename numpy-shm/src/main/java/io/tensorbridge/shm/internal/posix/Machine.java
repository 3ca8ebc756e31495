package io.tensorbridge.shm.internal.posix;

/** What this process runs on, as far as system calls differ. */
enum Machine {
  X86_64,
  AARCH64,
  UNSUPPORTED;

  static Machine current() {
    if (!System.getProperty("os.name", "").equals("Linux")) {
      return UNSUPPORTED;
    }
    return switch (System.getProperty("os.arch", "")) {
      case "amd64", "x86_64" -> X86_64;
      case "aarch64" -> AARCH64;
      default -> UNSUPPORTED;
    };
  }

  /** The running system in words, for messages. */
  static String describe() {
    return System.getProperty("os.name") + " on " + System.getProperty("os.arch");
  }
}
