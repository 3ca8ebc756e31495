package io.tensorbridge.shm;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ResourceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Refuses memory that can't be had, before the kernel tries.
 *
 * <p>The kernel allocates a memory file page by page and has no idea of what is too much: asked for
 * more than there is, it ends processes until it succeeds.
 */
final class AvailableMemory {
  /** Smaller regions are not worth the look (100 us). */
  private static final long LOOK_FROM = 8L << 20;

  private static final Path MEMINFO = Path.of("/proc/meminfo");
  private AvailableMemory() {}

  static void require(String name, long byteSize) {
    if (byteSize < LOOK_FROM) {
      return;
    }
    long available = Math.min(free(), MemoryGroup.availableToAll(MemoryGroup.ofThisProcess()));
    if (byteSize > available) {
      throw new ResourceException(
          ErrorCode.OUT_OF_MEMORY,
          "region " + name + " of " + byteSize + " bytes can't be had, only " + available
              + " are available; free memory, raise the limit of the container or memory group, or ask for less");
    }
  }

  private static long free() {
    long kibibytes = 0;
    for (String line : linesOf(MEMINFO)) {
      if (line.startsWith("MemAvailable:") || line.startsWith("SwapFree:")) {
        kibibytes += Long.parseLong(line.replaceAll("[^0-9]", ""));
      }
    }
    return kibibytes == 0 ? Long.MAX_VALUE : kibibytes << 10;
  }

  static List<String> linesOf(Path path) {
    try {
      return Files.readAllLines(path);
    } catch (IOException notThisKindOfSystem) {
      return List.of();
    }
  }
}
