package io.tensorbridge.arrow;

/** The type of a field, and so the buffers of its columns; immutable. */
public sealed interface ArrowType {
  /**
   * The buffers of a column, without those of its children and without the data of views.
   *
   * @return 0 to 3
   */
  int bufferCount();

  /**
   * Whole numbers.
   *
   * @param bits 8, 16, 32 or 64
   * @param signed whether in two's complement
   */
  record Int(int bits, boolean signed) implements ArrowType {
    @Override
    public int bufferCount() {
      return 2;
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
    @Override
    public int bufferCount() {
      return 2;
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
   * Runs of bytes, one behind the other.
   *
   * @param text whether they are UTF-8
   * @param large whether offsets have 64 bits
   */
  record Bytes(boolean text, boolean large) implements ArrowType {
    @Override
    public int bufferCount() {
      return 3;
    }

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
    public int bufferCount() {
      return 2;
    }

    @Override
    public String toString() {
      return text ? "utf8_view" : "binary_view";
    }
  }

  /**
   * Runs of the only child's values.
   *
   * @param large whether offsets have 64 bits
   */
  record ListOf(boolean large) implements ArrowType {
    @Override
    public int bufferCount() {
      return 2;
    }

    @Override
    public String toString() {
      return large ? "large_list" : "list";
    }
  }

  /**
   * Runs of equally many values of the only child.
   *
   * @param size values in each
   */
  record FixedSizeList(int size) implements ArrowType {
    @Override
    public int bufferCount() {
      return 1;
    }

    @Override
    public String toString() {
      return "fixed_size_list[" + size + "]";
    }
  }

  /** One value of each child. */
  record Struct() implements ArrowType {
    @Override
    public int bufferCount() {
      return 1;
    }

    @Override
    public String toString() {
      return "struct";
    }
  }

  /**
   * A type whose buffers can only be passed over.
   *
   * @param name as Arrow calls it
   * @param bufferCount its buffers, without those of its children
   */
  record Other(String name, int bufferCount) implements ArrowType {
    @Override
    public String toString() {
      return name;
    }
  }
}
