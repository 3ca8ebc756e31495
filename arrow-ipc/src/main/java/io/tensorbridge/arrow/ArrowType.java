package io.tensorbridge.arrow;

import java.util.List;

/**
 * The type of a field, as the columnar format 1.5 knows them ({@code Schema.fbs}); immutable.
 *
 * <p>Which buffers and children a type needs tells {@link #layout()}, so that few places must know
 * every type. What {@link Object#toString} gives is PyArrow's name of the type, without its
 * children.
 */
public sealed interface ArrowType {
  /**
   * The buffers and children of columns of this type.
   *
   * @return the layout
   */
  default ArrowLayout layout() {
    return ArrowLayout.of(this);
  }

  /** What a time is counted in. */
  enum TimeUnit {
    /** Seconds. */
    SECOND(0, "s"),
    /** 1/1000 of a second. */
    MILLISECOND(1, "ms"),
    /** 1/1000 of a millisecond. */
    MICROSECOND(2, "us"),
    /** 1/1000 of a microsecond. */
    NANOSECOND(3, "ns");

    private final int code;
    private final String symbol;

    TimeUnit(int code, String symbol) {
      this.code = code;
      this.symbol = symbol;
    }

    /** The number in the metadata. */
    short code() {
      return (short) code;
    }

    /**
     * The symbol of the unit.
     *
     * @return {@code s}, {@code ms}, {@code us} or {@code ns}
     */
    public String symbol() {
      return symbol;
    }
  }

  /** What a span of the calendar is counted in. */
  enum IntervalUnit {
    /** Months, in 32 bits. */
    YEAR_MONTH(0, 32, "month_interval"),
    /** Days and milliseconds, 32 bits each. */
    DAY_TIME(1, 64, "day_time_interval"),
    /** Months and days in 32 bits each, then nanoseconds in 64. */
    MONTH_DAY_NANO(2, 128, "month_day_nano_interval");

    private final int code;
    private final int bits;
    private final String text;

    IntervalUnit(int code, int bits, String text) {
      this.code = code;
      this.bits = bits;
      this.text = text;
    }

    /** The number in the metadata. */
    short code() {
      return (short) code;
    }

    int bits() {
      return bits;
    }
  }

  /** Nulls and nothing else. */
  record Null() implements ArrowType {
    @Override
    public String toString() {
      return "null";
    }
  }

  /** True or false, one bit each, the lowest first. */
  record Bool() implements ArrowType {
    @Override
    public String toString() {
      return "bool";
    }
  }

  /**
   * Whole numbers.
   *
   * @param bits 8, 16, 32 or 64
   * @param signed whether in two's complement
   */
  record Int(int bits, boolean signed) implements ArrowType {
    /** Checks the width. */
    public Int {
      require(bits == 8 || bits == 16 || bits == 32 || bits == 64, "an integer of", bits, "bits");
    }

    @Override
    public String toString() {
      return (signed ? "int" : "uint") + bits;
    }
  }

  /**
   * IEEE 754 numbers.
   *
   * @param bits 16, 32 or 64
   */
  record Floating(int bits) implements ArrowType {
    /** Checks the width. */
    public Floating {
      require(bits == 16 || bits == 32 || bits == 64, "a float of", bits, "bits");
    }

    @Override
    public String toString() {
      return switch (bits) {
        case 16 -> "halffloat";
        case 32 -> "float";
        default -> "double";
      };
    }
  }

  /**
   * Whole numbers in two's complement that count powers of ten.
   *
   * @param precision decimal digits, at least 1
   * @param scale digits behind the point; negative if there are zeros before it
   * @param bits 32, 64, 128 or 256
   */
  record Decimal(int precision, int scale, int bits) implements ArrowType {
    /** Checks width and precision. */
    public Decimal {
      require(bits == 32 || bits == 64 || bits == 128 || bits == 256, "a decimal of", bits, "bits");
      require(precision > 0 && precision <= digits(bits), "a decimal of", precision, "digits");
    }

    /** The decimal digits that any number of so many bits has. */
    private static int digits(int bits) {
      return switch (bits) {
        case 32 -> 9;
        case 64 -> 18;
        case 128 -> 38;
        default -> 76;
      };
    }

    @Override
    public String toString() {
      return "decimal" + bits + "(" + precision + ", " + scale + ")";
    }
  }

  /**
   * Days since 1970.
   *
   * @param milliseconds whether they are counted in milliseconds (64 bits), else in days (32)
   */
  record Date(boolean milliseconds) implements ArrowType {
    @Override
    public String toString() {
      return milliseconds ? "date64[ms]" : "date32[day]";
    }
  }

  /**
   * The time since midnight: 32 bits in seconds and milliseconds, 64 bits else.
   *
   * @param unit what it is counted in
   */
  record Time(TimeUnit unit) implements ArrowType {
    int bits() {
      return unit == TimeUnit.SECOND || unit == TimeUnit.MILLISECOND ? 32 : 64;
    }

    @Override
    public String toString() {
      return "time" + bits() + "[" + unit.symbol + "]";
    }
  }

  /**
   * The time since 1970, 64 bits.
   *
   * @param unit what it is counted in
   * @param zone of the Olson database, or an offset like {@code +07:30}; empty if the times are of
   *     no zone
   */
  record Timestamp(TimeUnit unit, String zone) implements ArrowType {
    @Override
    public String toString() {
      return "timestamp[" + unit.symbol + (zone.isEmpty() ? "]" : ", tz=" + zone + "]");
    }
  }

  /**
   * A span of time, 64 bits.
   *
   * @param unit what it is counted in
   */
  record Duration(TimeUnit unit) implements ArrowType {
    @Override
    public String toString() {
      return "duration[" + unit.symbol + "]";
    }
  }

  /**
   * A span of the calendar.
   *
   * @param unit what it is counted in
   */
  record Interval(IntervalUnit unit) implements ArrowType {
    @Override
    public String toString() {
      return unit.text;
    }
  }

  /**
   * Equally many bytes in each row.
   *
   * @param byteWidth how many, at least 0
   */
  record FixedSizeBinary(int byteWidth) implements ArrowType {
    /** Checks the width. */
    public FixedSizeBinary {
      require(byteWidth >= 0, "rows of", byteWidth, "bytes");
    }

    @Override
    public String toString() {
      return "fixed_size_binary[" + byteWidth + "]";
    }
  }

  /**
   * Runs of bytes, one behind the other.
   *
   * @param text whether they are UTF-8
   * @param large whether offsets have 64 bits
   */
  record Bytes(boolean text, boolean large) implements ArrowType {
    @Override
    public String toString() {
      return (large ? "large_" : "") + (text ? "utf8" : "binary");
    }
  }

  /**
   * Runs of bytes anywhere in any number of further buffers.
   *
   * @param text whether they are UTF-8
   */
  record BytesView(boolean text) implements ArrowType {
    @Override
    public String toString() {
      return text ? "utf8_view" : "binary_view";
    }
  }

  /**
   * Runs of the only child's values, one behind the other.
   *
   * @param large whether offsets have 64 bits
   */
  record ListOf(boolean large) implements ArrowType {
    @Override
    public String toString() {
      return large ? "large_list" : "list";
    }
  }

  /**
   * Runs of the only child's values, anywhere.
   *
   * @param large whether offsets and sizes have 64 bits
   */
  record ListView(boolean large) implements ArrowType {
    @Override
    public String toString() {
      return large ? "large_list_view" : "list_view";
    }
  }

  /**
   * Runs of equally many values of the only child.
   *
   * @param size values in each, at least 0
   */
  record FixedSizeList(int size) implements ArrowType {
    /** Checks the size. */
    public FixedSizeList {
      require(size >= 0, "a list of", size, "values");
    }

    @Override
    public String toString() {
      return "fixed_size_list[" + size + "]";
    }
  }

  /** One value of each child. */
  record Struct() implements ArrowType {
    @Override
    public String toString() {
      return "struct";
    }
  }

  /**
   * Runs of the only child's values, which are structs of a key, never null, and a value.
   *
   * @param keysSorted whether the keys of each row rise
   */
  record Map(boolean keysSorted) implements ArrowType {
    @Override
    public String toString() {
      return "map";
    }
  }

  /**
   * A value of one of the children, which may be null there; a union itself has no nulls.
   *
   * @param dense whether the children hold only values that are used, else as many as there are rows
   * @param typeIds the number that stands for each child, 0 to 127
   */
  record Union(boolean dense, List<Integer> typeIds) implements ArrowType {
    /** Copies the list and checks the numbers. */
    public Union {
      typeIds = List.copyOf(typeIds);
      for (int id : typeIds) {
        require(id >= 0 && id <= Byte.MAX_VALUE, "a union with", id, "as the number of a child");
      }
      require(typeIds.stream().distinct().count() == typeIds.size(), "a union of", typeIds.size(),
          "children of which two have one number");
    }

    @Override
    public String toString() {
      return dense ? "dense_union" : "sparse_union";
    }
  }

  /**
   * Runs of equal values: the first child tells where each ends, in whole numbers of 16, 32 or 64
   * bits that rise, and the second has the values.
   */
  record RunEndEncoded() implements ArrowType {
    @Override
    public String toString() {
      return "run_end_encoded";
    }
  }

  private static void require(boolean possible, String what, int number, String unit) {
    if (!possible) {
      throw new IllegalArgumentException(what + " " + number + " " + unit);
    }
  }
}
