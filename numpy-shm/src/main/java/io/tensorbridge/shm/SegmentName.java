package io.tensorbridge.shm;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.random.RandomGenerator;

/**
 * The name of a shared memory segment: one file name in {@code /dev/shm}.
 *
 * @param text the name without the leading slash, as Python's {@code SharedMemory.name} shows it
 */
record SegmentName(String text) {
  private static final Path DIRECTORY = Path.of("/dev/shm");
  private static final int MAX_BYTES = 255;

  /** Accepts a name with or without one leading slash. */
  static SegmentName parse(String name) {
    String text = name.startsWith("/") ? name.substring(1) : name;
    int bytes = text.getBytes(StandardCharsets.UTF_8).length;
    boolean oneFile = text.indexOf('/') < 0 && text.indexOf('\0') < 0;
    boolean reserved = text.isEmpty() || text.equals(".") || text.equals("..");
    if (!oneFile || reserved || bytes > MAX_BYTES) {
      throw new OptionException(
          ErrorCode.BAD_OPTION,
          "name",
          "\"" + name + "\" can't name shared memory: 1 to " + MAX_BYTES
              + " bytes without a slash, but for a leading one");
    }
    return new SegmentName(text);
  }

  /** A name that is hardly in use, in the manner of Python's {@code psm_...}. */
  static SegmentName random() {
    return new SegmentName(
        String.format("tb_%016x", RandomGenerator.of("SecureRandom").nextLong()));
  }

  String path() {
    return DIRECTORY.resolve(text).toString();
  }
}
