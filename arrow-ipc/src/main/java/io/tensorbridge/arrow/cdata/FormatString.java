package io.tensorbridge.arrow.cdata;

import io.tensorbridge.arrow.ArrowType;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** The strings that stand for types in {@code ArrowSchema.format}. */
final class FormatString {
  private static final int DECIMAL_BITS = 128;

  private FormatString() {}

  /** The string of a type. */
  static String of(ArrowType type) {
    return switch (type) {
      case ArrowType.Null _ -> "n";
      case ArrowType.Bool _ -> "b";
      case ArrowType.Int(int bits, boolean signed) ->
          switch (bits) {
            case 8 -> signed ? "c" : "C";
            case 16 -> signed ? "s" : "S";
            case 32 -> signed ? "i" : "I";
            default -> signed ? "l" : "L";
          };
      case ArrowType.Floating(int bits) -> bits == 16 ? "e" : bits == 32 ? "f" : "g";
      case ArrowType.Decimal(int precision, int scale, int bits) ->
          "d:" + precision + "," + scale + (bits == DECIMAL_BITS ? "" : "," + bits);
      case ArrowType.Date(boolean milliseconds) -> milliseconds ? "tdm" : "tdD";
      case ArrowType.Time(ArrowType.TimeUnit unit) -> "tt" + letter(unit);
      case ArrowType.Timestamp(ArrowType.TimeUnit unit, String zone) ->
          "ts" + letter(unit) + ":" + zone;
      case ArrowType.Duration(ArrowType.TimeUnit unit) -> "tD" + letter(unit);
      case ArrowType.Interval(ArrowType.IntervalUnit unit) ->
          switch (unit) {
            case YEAR_MONTH -> "tiM";
            case DAY_TIME -> "tiD";
            case MONTH_DAY_NANO -> "tin";
          };
      case ArrowType.FixedSizeBinary(int byteWidth) -> "w:" + byteWidth;
      case ArrowType.Bytes(boolean text, boolean large) ->
          text ? (large ? "U" : "u") : (large ? "Z" : "z");
      case ArrowType.BytesView(boolean text) -> text ? "vu" : "vz";
      case ArrowType.ListOf(boolean large) -> large ? "+L" : "+l";
      case ArrowType.ListView(boolean large) -> large ? "+vL" : "+vl";
      case ArrowType.FixedSizeList(int size) -> "+w:" + size;
      case ArrowType.Struct _ -> "+s";
      case ArrowType.Map _ -> "+m";
      case ArrowType.Union(boolean dense, List<Integer> typeIds) ->
          (dense ? "+ud:" : "+us:")
              + typeIds.stream().map(Object::toString).collect(Collectors.joining(","));
      case ArrowType.RunEndEncoded _ -> "+r";
    };
  }

  /**
   * The type of a string.
   *
   * @param keysSorted the flag of maps
   * @throws IllegalArgumentException if there is no such type
   */
  static ArrowType parse(String format, boolean keysSorted) {
    return switch (format) {
      case "n" -> new ArrowType.Null();
      case "b" -> new ArrowType.Bool();
      case "c" -> new ArrowType.Int(8, true);
      case "C" -> new ArrowType.Int(8, false);
      case "s" -> new ArrowType.Int(16, true);
      case "S" -> new ArrowType.Int(16, false);
      case "i" -> new ArrowType.Int(32, true);
      case "I" -> new ArrowType.Int(32, false);
      case "l" -> new ArrowType.Int(64, true);
      case "L" -> new ArrowType.Int(64, false);
      case "e" -> new ArrowType.Floating(16);
      case "f" -> new ArrowType.Floating(32);
      case "g" -> new ArrowType.Floating(64);
      case "z" -> new ArrowType.Bytes(false, false);
      case "Z" -> new ArrowType.Bytes(false, true);
      case "u" -> new ArrowType.Bytes(true, false);
      case "U" -> new ArrowType.Bytes(true, true);
      case "vz" -> new ArrowType.BytesView(false);
      case "vu" -> new ArrowType.BytesView(true);
      case "tdD" -> new ArrowType.Date(false);
      case "tdm" -> new ArrowType.Date(true);
      case "tiM" -> new ArrowType.Interval(ArrowType.IntervalUnit.YEAR_MONTH);
      case "tiD" -> new ArrowType.Interval(ArrowType.IntervalUnit.DAY_TIME);
      case "tin" -> new ArrowType.Interval(ArrowType.IntervalUnit.MONTH_DAY_NANO);
      case "+l" -> new ArrowType.ListOf(false);
      case "+L" -> new ArrowType.ListOf(true);
      case "+vl" -> new ArrowType.ListView(false);
      case "+vL" -> new ArrowType.ListView(true);
      case "+s" -> new ArrowType.Struct();
      case "+m" -> new ArrowType.Map(keysSorted);
      case "+r" -> new ArrowType.RunEndEncoded();
      default -> withParameters(format);
    };
  }

  private static ArrowType withParameters(String format) {
    int colon = format.indexOf(':');
    String parameters = format.substring(colon + 1);
    return switch (colon < 0 ? format : format.substring(0, colon)) {
      case "d" -> decimal(numbers(parameters), format);
      case "w" -> new ArrowType.FixedSizeBinary(only(parameters, format));
      case "+w" -> new ArrowType.FixedSizeList(only(parameters, format));
      case "+ud" -> new ArrowType.Union(true, numbers(parameters));
      case "+us" -> new ArrowType.Union(false, numbers(parameters));
      case "tss", "tsm", "tsu", "tsn" -> {
        if (colon < 0) {
          throw unknown(format);
        }
        yield new ArrowType.Timestamp(unit(format), parameters);
      }
      case "tts", "ttm", "ttu", "ttn" -> new ArrowType.Time(bareUnit(format));
      case "tDs", "tDm", "tDu", "tDn" -> new ArrowType.Duration(bareUnit(format));
      default -> throw unknown(format);
    };
  }

  private static ArrowType decimal(List<Integer> numbers, String format) {
    return switch (numbers.size()) {
      case 2 -> new ArrowType.Decimal(numbers.get(0), numbers.get(1), DECIMAL_BITS);
      case 3 -> new ArrowType.Decimal(numbers.get(0), numbers.get(1), numbers.get(2));
      default -> throw unknown(format);
    };
  }

  private static int only(String number, String format) {
    List<Integer> numbers = numbers(number);
    if (numbers.size() != 1) {
      throw unknown(format);
    }
    return numbers.getFirst();
  }

  private static List<Integer> numbers(String list) {
    List<Integer> numbers = new ArrayList<>();
    if (!list.isEmpty()) {
      for (String number : list.split(",", -1)) {
        numbers.add(Integer.valueOf(number));
      }
    }
    return numbers;
  }

  private static ArrowType.TimeUnit bareUnit(String format) {
    if (format.length() != 3) {
      throw unknown(format);
    }
    return unit(format);
  }

  private static ArrowType.TimeUnit unit(String format) {
    for (ArrowType.TimeUnit unit : ArrowType.TimeUnit.values()) {
      if (letter(unit) == format.charAt(2)) {
        return unit;
      }
    }
    throw unknown(format);
  }

  private static char letter(ArrowType.TimeUnit unit) {
    return unit.symbol().charAt(0);
  }

  private static IllegalArgumentException unknown(String format) {
    return new IllegalArgumentException("no type has the format \"" + format + '"');
  }
}
