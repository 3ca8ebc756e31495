package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ResourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Whose process this is. */
final class ProcessUser {
  private ProcessUser() {}

  /** The effective user of this process. */
  static int own() {
    try {
      return (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    } catch (IOException | UnsupportedOperationException failure) {
      throw new ResourceException(
          ErrorCode.UNSUPPORTED_PLATFORM, "/proc does not tell whose process this is", failure);
    }
  }
}
