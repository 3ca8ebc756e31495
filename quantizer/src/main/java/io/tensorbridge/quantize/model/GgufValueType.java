package io.tensorbridge.quantize.model;

import org.jspecify.annotations.Nullable;

/** The types of metadata values in GGUF files ({@code enum gguf_type}). */
public enum GgufValueType {
  /** Unsigned 8-bit integer. */
  U8(0, 1),
  /** Signed 8-bit integer. */
  I8(1, 1),
  /** Unsigned 16-bit integer. */
  U16(2, 2),
  /** Signed 16-bit integer. */
  I16(3, 2),
  /** Unsigned 32-bit integer. */
  U32(4, 4),
  /** Signed 32-bit integer. */
  I32(5, 4),
  /** IEEE 754 binary32. */
  F32(6, 4),
  /** One byte, 0 or 1. */
  BOOL(7, 1),
  /** UTF-8 text behind its 64-bit length. */
  STRING(8, 8),
  /** An element type, a 64-bit count, and the elements. */
  ARRAY(9, 12),
  /** Unsigned 64-bit integer. */
  U64(10, 8),
  /** Signed 64-bit integer. */
  I64(11, 8),
  /** IEEE 754 binary64. */
  F64(12, 8);

  private static final GgufValueType[] ALL = values();

  private final int number;
  private final int leastBytes;

  GgufValueType(int number, int leastBytes) {
    this.number = number;
    this.leastBytes = leastBytes;
  }

  /** The number in GGUF files. */
  int number() {
    return number;
  }

  /** The size of the smallest value. */
  int leastBytes() {
    return leastBytes;
  }

  static @Nullable GgufValueType ofNumber(long number) {
    for (GgufValueType type : ALL) {
      if (type.number == number) {
        return type;
      }
    }
    return null;
  }
}
