package io.tensorbridge.quantize.model;

import org.jspecify.annotations.Nullable;

/** The types of metadata values in GGUF files ({@code enum gguf_type}, numbered from 0). */
public enum GgufValueType {
  /** Unsigned 8-bit integer. */
  U8(1),
  /** Signed 8-bit integer. */
  I8(1),
  /** Unsigned 16-bit integer. */
  U16(2),
  /** Signed 16-bit integer. */
  I16(2),
  /** Unsigned 32-bit integer. */
  U32(4),
  /** Signed 32-bit integer. */
  I32(4),
  /** IEEE 754 binary32. */
  F32(4),
  /** One byte, 0 or 1. */
  BOOL(1),
  /** UTF-8 text behind its 64-bit length. */
  STRING(8),
  /** An element type, a 64-bit count, and the elements. */
  ARRAY(12),
  /** Unsigned 64-bit integer. */
  U64(8),
  /** Signed 64-bit integer. */
  I64(8),
  /** IEEE 754 binary64. */
  F64(8);

  private static final GgufValueType[] ALL = values();

  private final int leastBytes;

  GgufValueType(int leastBytes) {
    this.leastBytes = leastBytes;
  }

  /** The size of the smallest value. */
  int leastBytes() {
    return leastBytes;
  }

  static @Nullable GgufValueType ofNumber(long number) {
    return number >= 0 && number < ALL.length ? ALL[(int) number] : null;
  }
}
