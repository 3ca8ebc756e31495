package io.tensorbridge.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Whether a person watches. */
final class Terminal {
  private Terminal() {}

  /** Whether standard error is a terminal that can redraw a line. */
  static boolean showsProgress() {
    return isTerminal(2);
  }

  /** Whether standard output is a terminal that can be redrawn. */
  static boolean redraws() {
    return isTerminal(1);
  }

  private static boolean isTerminal(int descriptor) {
    if ("dumb".equals(System.getenv("TERM"))) {
      return false;
    }
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
      return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty")
          || target.equals("/dev/console");
    } catch (IOException | UnsupportedOperationException unknown) {
      return false;
    }
  }
}
