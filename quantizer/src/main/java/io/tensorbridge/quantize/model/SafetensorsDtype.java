package io.tensorbridge.quantize.model;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import java.util.Locale;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * The dtypes of safetensors 0.8, in the order by which its writer sorts.
 *
 * <p>Those without a {@link DType} can be listed and copied, not computed with.
 */
enum SafetensorsDtype {
  BOOL(8, DType.BOOL),
  F4(4, null),
  F6_E2M3(6, null),
  F6_E3M2(6, null),
  U8(8, DType.U8),
  I8(8, DType.I8),
  F8_E5M2(8, DType.F8_E5M2),
  F8_E4M3(8, DType.F8_E4M3),
  F8_E8M0(8, null),
  F8_E4M3FNUZ(8, null),
  F8_E5M2FNUZ(8, null),
  I16(16, DType.I16),
  U16(16, DType.U16),
  F16(16, DType.F16),
  BF16(16, DType.BF16),
  I32(32, DType.I32),
  U32(32, DType.U32),
  F32(32, DType.F32),
  C64(64, DType.C64),
  F64(64, DType.F64),
  I64(64, DType.I64),
  U64(64, DType.U64);

  private static final SafetensorsDtype[] ALL = values();

  private final int bits;
  private final @Nullable DType dtype;

  SafetensorsDtype(int bits, @Nullable DType dtype) {
    this.bits = bits;
    this.dtype = dtype;
  }

  @Nullable
  DType dtype() {
    return dtype;
  }

  /** How a {@link io.tensorbridge.file.TensorEntry} names it. */
  String encoding() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Bytes of a tensor; empty if they overflow or are not whole. */
  OptionalLong byteLength(Shape shape) {
    long count = shape.elementCount();
    if (Math.multiplyHigh(count, bits) != 0 || count * bits < 0 || count * bits % 8 != 0) {
      return OptionalLong.empty();
    }
    return OptionalLong.of(count * bits / 8);
  }

  static @Nullable SafetensorsDtype ofName(String name) {
    for (SafetensorsDtype candidate : ALL) {
      if (candidate.name().equals(name)) {
        return candidate;
      }
    }
    return null;
  }

  static @Nullable SafetensorsDtype ofEncoding(String encoding) {
    for (SafetensorsDtype candidate : ALL) {
      if (candidate.name().equalsIgnoreCase(encoding)) {
        return candidate;
      }
    }
    return null;
  }
}
