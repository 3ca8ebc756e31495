package io.tensorbridge.quantize.internal.kernel;

/**
 * Four ways to turn a row into signed bytes with a scale, all in float32: {@code amax} is the
 * greatest magnitude of the row, {@code rint} rounds half to even.
 */
enum Int8Rule {
  /**
   * {@code bitsandbytes.functional.int8_vectorwise_quant} (bitsandbytes 0.50): {@code code = rint(x *
   * ((1 / amax) * 127))}, all 0 where that factor is infinite; the stored scale is {@code amax}, and
   * {@code x = (code * amax) * (1/127)}.
   */
  BITSANDBYTES,
  /**
   * torchao 0.18, {@code Int8WeightOnlyConfig}: {@code scale = max(amax / 127.5, 2^-23)}, {@code
   * code = clamp(rint(x * (1 / scale)), -128, 127)}, {@code x = code * scale}.
   */
  TORCHAO,
  /**
   * compressed-tensors 0.20, {@code calculate_qparams} and {@code quantize}: {@code scale = amax /
   * 127.5}, or 2^-23 if that is 0, {@code code = rint(clamp(x / scale, -128, 127))}, {@code x = code
   * * scale}.
   */
  COMPRESSED_TENSORS,
  /**
   * optimum-quanto 0.2, {@code qint8} weights: {@code scale = amax / 127}, {@code code =
   * clamp(rint(x / scale), -128, 127)}, {@code x = code * scale}. Where the scale is 0, since the
   * row is, or since it underflows, the quotients are infinite, or NaN with the code 0.
   */
  QUANTO;

  /** Added to a float of at most 2^22, it leaves the nearest integer, half to even, in low bits. */
  static final float MAGIC = 12582912f;

  private static final float STEP_OF_BITSANDBYTES = 0.007874016f;

  /** The stored scale of a row. */
  float scale(float amax) {
    return switch (this) {
      case BITSANDBYTES -> amax;
      case TORCHAO -> Math.max(amax / 127.5f, 0x1p-23f);
      case COMPRESSED_TENSORS -> amax / 127.5f == 0 ? 0x1p-23f : amax / 127.5f;
      case QUANTO -> amax / 127f;
    };
  }

  /** Whether values are divided by the {@link #operand}, rather than multiplied with it. */
  boolean isDividing() {
    return switch (this) {
      case BITSANDBYTES, TORCHAO -> false;
      case COMPRESSED_TENSORS, QUANTO -> true;
    };
  }

  /** What values are multiplied with, or divided by. */
  float operand(float scale) {
    return switch (this) {
      case BITSANDBYTES -> {
        float factor = 1f / scale * 127f;
        yield factor == Float.POSITIVE_INFINITY ? 0 : factor;
      }
      case TORCHAO -> 1f / scale;
      case COMPRESSED_TENSORS, QUANTO -> scale;
    };
  }

  /** The code of a value after multiplication or division. */
  static byte code(float scaled) {
    float nearest = scaled + MAGIC - MAGIC;
    return (byte) (int) Math.max(-128f, Math.min(nearest, 127f));
  }

  /** What the product of code and stored scale is multiplied with. */
  float unit() {
    return this == BITSANDBYTES ? STEP_OF_BITSANDBYTES : 1f;
  }
}
