package io.tensorbridge.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** What /proc tells of a client's process; best effort, since it may end at any moment. */
final class PeerProcess {
  private PeerProcess() {}

  /** The name of the process, or "?". */
  static String name(int pid) {
    try {
      byte[] name = Files.readAllBytes(Path.of("/proc/" + pid + "/comm"));
      return printable(new String(name, StandardCharsets.UTF_8).strip());
    } catch (IOException unknown) {
      return "?";
    }
  }

  /** The name of the user, or the number where it has none. */
  static String user(int pid, int uid) {
    try {
      Path process = Path.of("/proc/" + pid);
      if (Files.getAttribute(process, "unix:uid").equals(uid)) {
        return printable(Files.getOwner(process).getName());
      }
    } catch (IOException | UnsupportedOperationException unknown) {
      // the number below
    }
    return Integer.toUnsignedString(uid);
  }

  /** Text of a client without what would move the cursor of a terminal. */
  static String printable(String text) {
    return text.codePoints()
        .map(c -> Character.isISOControl(c) || Character.getType(c) == Character.FORMAT ? '?' : c)
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }
}
