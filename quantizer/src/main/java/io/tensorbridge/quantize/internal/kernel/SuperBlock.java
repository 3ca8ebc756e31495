package io.tensorbridge.quantize.internal.kernel;

/**
 * What ggml's K types share: a super-block of 256 elements with fp16 scales, whose sub-blocks have
 * small integers as scales of their own.
 */
final class SuperBlock {
  static final int ELEMENTS = 256;

  /** ggml's {@code GROUP_MAX_EPS}: below this, a magnitude counts as zero. */
  static final float LEAST_MAGNITUDE = 1e-15f;

  /** 1.5 * 2^23: adding it leaves a float's nearest integer in the low bits, half to even. */
  static final float ROUNDING = 12582912f;

  static final int MANTISSA = 0x7fffff;
  static final int ZERO = 0x400000;

  private SuperBlock() {}

  /** ggml's {@code nearest_int}: half to even, and wrapping around beyond 2^22, as it does there. */
  static int nearest(float value) {
    return (Float.floatToRawIntBits(value + ROUNDING) & MANTISSA) - ZERO;
  }

  /** The nearest integer within bounds. */
  static int nearest(float value, int least, int greatest) {
    return Math.max(least, Math.min(greatest, nearest(value)));
  }
}
