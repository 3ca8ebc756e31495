package io.tensorbridge.shm;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ResourceException;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What the kernel tells of a descriptor in {@code /proc/self}. */
final class ProcLink {
  /** The C library's words for EMFILE, which are all that Java tells. */
  private static final String TOO_MANY_FILES = "Too many open files";

  private ProcLink() {}

  /** What the descriptor refers to, for example {@code anon_inode:[eventfd]}. */
  static String targetOf(int fd) {
    try {
      return Files.readSymbolicLink(Path.of("/proc/self/fd/" + fd)).toString();
    } catch (IOException failure) {
      throw notReadable(failure);
    }
  }

  /** The lines of its {@code fdinfo}. */
  static List<String> infoOf(int fd) {
    try {
      return Files.readAllLines(Path.of("/proc/self/fdinfo/" + fd));
    } catch (IOException failure) {
      throw notReadable(failure);
    }
  }

  private static ResourceException notReadable(IOException failure) {
    if (failure instanceof FileSystemException refused
        && TOO_MANY_FILES.equals(refused.getReason())) {
      return new ResourceException(
          ErrorCode.OUT_OF_DESCRIPTORS,
          "a descriptor can't be examined, as none is left for that; raise the limit with \"ulimit"
              + " -n\"",
          failure);
    }
    return new ResourceException(
        ErrorCode.SYSTEM_CALL,
        "a descriptor can't be examined: " + failure + "; /proc must be mounted",
        failure);
  }
}
