package io.tensorbridge.quantize.internal.kernel;

/**
 * Four ways to turn a row into signed bytes with a scale, all in float32: {@code amax} is the
 * greatest magnitude of the row, {@code rint} rounds half to even.
 */
enum Int8Rule {
  /**
   * {@code bitsandbytes.functional.int8_vectorwise_quant} (bitsandbytes 0.50): {@code code =
   * rint(x * (127 / amax))}; the stored scale is {@code amax}, and {@code x = code * (amax *
   * (1/127))}.
   */
  BITSANDBYTES,
  /**
   * torchao 0.18, symmetric int8 weights: {@code scale = max(amax / 127.5, 2^-23)}, {@code code =
   * clamp(rint(x * (1 / scale)), -128, 127)}, {@code x = code * scale}.
   */
  TORCHAO,
  /**
   * compressed-tensors: {@code scale = amax / 127.5}, {@code code = rint(clamp(x / scale, -128,
   * 127))}, {@code x = code * scale}.
   */
  COMPRESSED_TENSORS,
  /**
   * optimum-quanto, {@code qint8} weights: {@code scale = amax / 127}, {@code code = clamp(rint(x /
   * scale), -127, 127)}, {@code x = code * scale}.
   */
  QUANTO;

  /** The stored scale of a row. */
  float scale(float amax) {
    return switch (this) {
      case BITSANDBYTES -> amax;
      case TORCHAO -> Math.max(amax / 127.5f, 0x1p-23f);
      case COMPRESSED_TENSORS -> amax / 127.5f;
      case QUANTO -> amax / 127f;
    };
  }

  /** What a code is multiplied with to get a value. */
  float step(float storedScale) {
    return this == BITSANDBYTES ? storedScale * 0.007874016f : storedScale;
  }
}
