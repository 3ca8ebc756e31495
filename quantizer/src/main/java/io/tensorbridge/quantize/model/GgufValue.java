package io.tensorbridge.quantize.model;

import java.util.ArrayList;
import java.util.List;

/** A metadata value of a GGUF file; immutable. */
public sealed interface GgufValue {
  /**
   * The value's type.
   *
   * @return the type
   */
  GgufValueType type();

  /**
   * The value as people read it; of a long array only the beginning.
   *
   * @return text
   */
  String toText();

  /**
   * A whole number.
   *
   * @param type an integer type
   * @param value the number; of {@link GgufValueType#U64} its 64 bits
   */
  record Whole(GgufValueType type, long value) implements GgufValue {
    @Override
    public String toText() {
      return type == GgufValueType.U64 ? Long.toUnsignedString(value) : Long.toString(value);
    }
  }

  /**
   * A floating point number.
   *
   * @param type {@link GgufValueType#F32} or {@link GgufValueType#F64}
   * @param value the number
   */
  record Real(GgufValueType type, double value) implements GgufValue {
    @Override
    public String toText() {
      return type == GgufValueType.F32 ? Float.toString((float) value) : Double.toString(value);
    }
  }

  /**
   * True or false.
   *
   * @param value the truth
   */
  record Bool(boolean value) implements GgufValue {
    @Override
    public GgufValueType type() {
      return GgufValueType.BOOL;
    }

    @Override
    public String toText() {
      return Boolean.toString(value);
    }
  }

  /**
   * Text.
   *
   * @param value the text
   */
  record Text(String value) implements GgufValue {
    @Override
    public GgufValueType type() {
      return GgufValueType.STRING;
    }

    @Override
    public String toText() {
      return value;
    }
  }

  /**
   * Values of one type.
   *
   * @param elementType the type of all elements
   * @param elements the elements
   */
  record Array(GgufValueType elementType, List<GgufValue> elements) implements GgufValue {
    private static final int SHOWN = 8;

    /** Keeps its own list. */
    public Array {
      elements = List.copyOf(elements);
    }

    @Override
    public GgufValueType type() {
      return GgufValueType.ARRAY;
    }

    @Override
    public String toText() {
      StringBuilder text = new StringBuilder("[");
      for (int i = 0; i < Math.min(SHOWN, elements.size()); i++) {
        text.append(i == 0 ? "" : ", ").append(elements.get(i).toText());
      }
      if (elements.size() > SHOWN) {
        text.append(", ... ").append(elements.size()).append(" elements");
      }
      return text.append("]").toString();
    }
  }

  /**
   * An unsigned 32-bit number.
   *
   * @param value the number
   * @return the value
   */
  static GgufValue u32(long value) {
    return new Whole(GgufValueType.U32, value);
  }

  /**
   * An array of whole numbers.
   *
   * @param elementType an integer type
   * @param values the numbers
   * @return the value
   */
  static GgufValue wholes(GgufValueType elementType, long... values) {
    List<GgufValue> elements = new ArrayList<>(values.length);
    for (long value : values) {
      elements.add(new Whole(elementType, value));
    }
    return new Array(elementType, elements);
  }
}
