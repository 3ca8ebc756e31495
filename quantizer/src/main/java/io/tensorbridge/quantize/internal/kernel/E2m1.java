package io.tensorbridge.quantize.internal.kernel;

/**
 * The 4-bit floats of {@code mxfp4} and {@code nvfp4}: a sign, two bits of exponent, one of
 * fraction (OCP Microscaling Formats 1.0). ggml calculates with their doubles, which are integers
 * ({@code kvalues_fp4}, ggml-common.h).
 *
 * <pre>
 *   code            0    1    2    3    4    5    6    7     with bit 3 negative
 *   value           0    0.5  1    1.5  2    3    4    6
 *   upper limit     0.25 0.75 1.25 1.75 2.5  3.5  5    -     of the magnitudes that take the code
 * </pre>
 *
 * <p>There is no -0 in what ggml writes: a tie, and so a zero, takes the first code.
 */
final class E2m1 {
  static final int MAX_CODE = 7;

  /** Doubled upper limits of the codes 0 to 6. */
  static final float LIMIT_0 = 0.5f;
  static final float LIMIT_1 = 1.5f;
  static final float LIMIT_2 = 2.5f;
  static final float LIMIT_3 = 3.5f;
  static final float LIMIT_4 = 5f;
  static final float LIMIT_5 = 7f;
  static final float LIMIT_6 = 10f;

  /** Raw bits of 0.25 and 0.75. */
  static final int QUARTER = 0x3e800000;

  static final int THREE_QUARTERS = 0x3f400000;

  /**
   * With this added to the raw bits of a magnitude of at least 1, the exponent and one bit of
   * fraction lie above bit 22 as the code does; what is below is just less than a half.
   */
  static final int ROUNDING = 0x1fffff - (252 << 22);

  static final int ROUNDING_SHIFT = 22;

  private static final int[] DOUBLED = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

  private E2m1() {}

  /** Twice the value of a code of four bits. */
  static int doubled(int code) {
    return DOUBLED[code];
  }

  /** The code of a magnitude given by its raw bits, without a sign; may be greater than 7. */
  static int magnitudeCode(int bits) {
    int small = ((QUARTER - bits) >>> 31) + ((THREE_QUARTERS - bits) >>> 31);
    return Math.max(small, (bits + ROUNDING) >> ROUNDING_SHIFT);
  }

  /** Adds the sign of some raw bits to a code, unless it is 0. */
  static int signed(int code, int bits) {
    return code | ((bits >>> 28) & 8 & (-code >> 31));
  }
}
