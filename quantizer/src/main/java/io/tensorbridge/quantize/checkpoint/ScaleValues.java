package io.tensorbridge.quantize.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.tensorbridge.DType;
import io.tensorbridge.Tensor;
import java.lang.foreign.MemorySegment;

/** Stored scales as floats; thread-safe. */
@FunctionalInterface
interface ScaleValues {
  /** The value at an index in C order. */
  float at(long index);

  /**
   * The values of a row-major tensor.
   *
   * @param tensor float32, float16 or bfloat16; E4M3; or bytes, which are exponents (E8M0)
   */
  static ScaleValues of(Tensor tensor) {
    MemorySegment bytes = tensor.data();
    return switch (tensor.dtype()) {
      case F32 -> index -> bytes.getAtIndex(JAVA_FLOAT_UNALIGNED, index);
      case F16 ->
          index -> Float.float16ToFloat(bytes.getAtIndex(JAVA_SHORT_UNALIGNED, index));
      case BF16 ->
          index -> Float.intBitsToFloat(bytes.getAtIndex(JAVA_SHORT_UNALIGNED, index) << 16);
      case F8_E4M3 -> table(bytes, CodeValues.e4m3());
      case U8 -> table(bytes, CodeValues.e8m0());
      default -> throw new IllegalArgumentException(tensor.type().toString());
    };
  }

  private static ScaleValues table(MemorySegment bytes, float[] values) {
    return index -> values[bytes.get(JAVA_BYTE, index) & 0xff];
  }

  /** Whether scales can have a dtype. */
  static boolean isFloat(DType dtype) {
    return dtype == DType.F32 || dtype == DType.F16 || dtype == DType.BF16;
  }

  /** All values divided by another one, in float32. */
  default ScaleValues dividedBy(float divisor) {
    return index -> at(index) / divisor;
  }
}
