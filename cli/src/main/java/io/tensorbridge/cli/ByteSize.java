package io.tensorbridge.cli;

import java.util.Locale;

/** Sizes in bytes as people write and read them. */
final class ByteSize {
  private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  private static final int STEP_BITS = 10;

  private ByteSize() {}

  /**
   * Bytes from text such as {@code 512MiB}; all units are powers of 1024.
   *
   * @throws UsageException if it is no size
   */
  static long parse(String option, String text) {
    String trimmed = text.strip();
    int end = 0;
    while (end < trimmed.length() && Character.isDigit(trimmed.charAt(end))) {
      end++;
    }
    int shift = shiftOf(trimmed.substring(end).strip().toLowerCase(Locale.ROOT));
    try {
      long number = Long.parseLong(trimmed.substring(0, end));
      if (shift >= 0 && number <= Long.MAX_VALUE >> shift) {
        return number << shift;
      }
    } catch (NumberFormatException malformed) {
      // the refusal below tells the text
    }
    throw new UsageException(
        option + " is \"" + text + "\"; it takes a size, for example 512MiB");
  }

  private static int shiftOf(String unit) {
    return switch (unit) {
      case "", "b" -> 0;
      case "k", "kb", "kib" -> STEP_BITS;
      case "m", "mb", "mib" -> 2 * STEP_BITS;
      case "g", "gb", "gib" -> 3 * STEP_BITS;
      case "t", "tb", "tib" -> 4 * STEP_BITS;
      default -> -1;
    };
  }

  /** For people: at most one decimal. */
  static String text(long bytes) {
    int unit = 0;
    double value = bytes;
    while (value >= 1 << STEP_BITS && unit < UNITS.length - 1) {
      value /= 1 << STEP_BITS;
      unit++;
    }
    return unit == 0 || value >= 100
        ? Math.round(value) + " " + UNITS[unit]
        : Math.round(value * 10) / 10.0 + " " + UNITS[unit];
  }
}
