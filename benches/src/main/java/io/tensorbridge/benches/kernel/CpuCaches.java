package io.tensorbridge.benches.kernel;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The data caches of a core.
 *
 * @param secondLevelBytes what a core has for itself
 * @param lastLevelBytes the largest of all
 */
record CpuCaches(long secondLevelBytes, long lastLevelBytes) {
  /** Where Linux describes them. */
  static final Path SYSFS = Path.of("/sys/devices/system/cpu/cpu0/cache");

  /** What most servers have at least; for kernels and sandboxes that don't tell. */
  private static final CpuCaches USUAL = new CpuCaches(512L << 10, 32L << 20);

  /**
   * Reads the sizes.
   *
   * @param folder as Linux lays it out: {@code index*}/{@code level}, {@code type}, {@code size}
   * @return the caches; usual sizes where the folder tells nothing
   * @throws IOException if a file is there but can't be read
   */
  static CpuCaches read(Path folder) throws IOException {
    long second = 0;
    long last = 0;
    for (Path index : indexes(folder)) {
      if (!Files.readString(index.resolve("type")).strip().equals("Instruction")) {
        long bytes = bytes(Files.readString(index.resolve("size")).strip());
        second = Files.readString(index.resolve("level")).strip().equals("2") ? bytes : second;
        last = Math.max(last, bytes);
      }
    }
    return second == 0 ? USUAL : new CpuCaches(second, last);
  }

  private static List<Path> indexes(Path folder) throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.filter(entry -> Files.exists(entry.resolve("size"))).sorted().toList();
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    }
  }

  private static long bytes(String text) throws IOException {
    long unit = text.endsWith("K") ? 1L << 10 : text.endsWith("M") ? 1L << 20 : 1;
    String digits = unit == 1 ? text : text.substring(0, text.length() - 1);
    try {
      return Long.parseLong(digits) * unit;
    } catch (NumberFormatException e) {
      throw new IOException("a cache has the size \"" + text + "\", which is no number", e);
    }
  }
}
