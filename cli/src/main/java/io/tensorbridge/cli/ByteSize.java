package io.tensorbridge.cli;

import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Sizes in bytes as people write and read them. */
final class ByteSize implements ITypeConverter<Long> {
  private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  private static final int STEP_BITS = 10;

  @Override
  public Long convert(String text) {
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
    throw new TypeConversionException("\"" + text + "\" is no size; write for example 512MiB");
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
