package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.DType;

/** The dtype in which a library multiplies codes by scales: its results are rounded to it. */
enum Rounding {
  NONE, F16, BF16;

  static Rounding to(DType dtype) {
    return switch (dtype) {
      case F16 -> F16;
      case BF16 -> BF16;
      default -> NONE;
    };
  }

  /** Rounds values in place, ties to even. */
  void round(float[] values) {
    switch (this) {
      case NONE -> {
        // float32 already
      }
      case F16 -> {
        for (int i = 0; i < values.length; i++) {
          values[i] = Float.float16ToFloat(Float.floatToFloat16(values[i]));
        }
      }
      case BF16 -> {
        for (int i = 0; i < values.length; i++) {
          values[i] = bf16(values[i]);
        }
      }
    }
  }

  private static float bf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    int rounded = bits + 0x7fff + (bits >>> 16 & 1);
    return Float.isNaN(value) ? value : Float.intBitsToFloat(rounded & 0xffff0000);
  }
}
