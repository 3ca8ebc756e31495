package io.tensorbridge.quantize.internal.kernel;

/**
 * A block of ggml's {@code mxfp4}: 32 elements in 17 bytes ({@code block_mxfp4}, ggml-common.h).
 *
 * <pre>
 *    byte 0      1                                         17
 *         +------+-----------------------------------------+
 *         |  e   | qs[16]: low nibble element j,           |      x = E2M1(code) * 2^(e - 127)
 *         | E8M0 |         high nibble element j + 16      |
 *         +------+-----------------------------------------+
 * </pre>
 *
 * <p>Rule ({@code quantize_row_mxfp4_ref}, ggml 0.21.0): {@code e = floor(log2f(amax)) - 2 + 127},
 * 0 for a block of zeros, its low byte where that is negative; the code is that of the nearest value
 * of {@link E2m1}, the one nearer to 0 in a tie.
 */
final class Mxfp4Layout {
  static final int ELEMENTS = 32;
  static final int CODES = 1;
  static final int BYTES = CODES + ELEMENTS / 2;

  private static final int FLOAT_BIAS = 127;
  private static final int FRACTION_BITS = 23;
  private static final int LEAST_EXPONENT = -149;

  /** By the biased exponent of a float: how many floats below the next power round up to it. */
  private static final int[] ROUNDED_UP = new int[256];

  static {
    for (int biased = 0; biased < ROUNDED_UP.length; biased++) {
      ROUNDED_UP[biased] = (int) (roundedUp(biased - FLOAT_BIAS + 1) * 0x1p24);
    }
  }

  private Mxfp4Layout() {}

  /**
   * How near to 2^k, relatively, values below it are whose {@code log2f} is k: their logarithm is
   * nearer to k than to the float below k.
   */
  private static double roundedUp(int k) {
    double halfStep = (k - (double) Math.nextDown((float) k)) / 2;
    return 1 - Math.pow(2, -halfStep);
  }

  /** The byte e for a greatest magnitude. */
  static int exponent(int magnitudeBits) {
    int biased = magnitudeBits >>> FRACTION_BITS;
    if (biased == 0) {
      return magnitudeBits == 0 ? 0 : subnormalExponent(magnitudeBits);
    }
    return (((magnitudeBits + ROUNDED_UP[biased]) >>> FRACTION_BITS) - 2) & 0xff;
  }

  private static int subnormalExponent(int magnitudeBits) {
    int bits = Integer.SIZE - Integer.numberOfLeadingZeros(magnitudeBits);
    int power = 1 << bits;
    int next = bits + LEAST_EXPONENT;
    boolean up = power - magnitudeBits <= roundedUp(next) * power;
    return ((up ? next : next - 1) - 2 + FLOAT_BIAS) & 0xff;
  }

  /** What values are multiplied with, so that they can be compared with those of {@link E2m1}. */
  static float inverse(int exponent) {
    return powerOfTwo(FLOAT_BIAS - exponent);
  }

  /** Half the scale, for the doubled values of {@link E2m1}: {@code GGML_E8M0_TO_FP32_HALF}. */
  static float halfScale(int exponent) {
    return powerOfTwo(exponent - FLOAT_BIAS - 1);
  }

  /** A power between 2^-128 and 2^127. */
  private static float powerOfTwo(int power) {
    return power > -FLOAT_BIAS
        ? Float.intBitsToFloat((power + FLOAT_BIAS) << FRACTION_BITS)
        : Float.intBitsToFloat(1 << (power - LEAST_EXPONENT));
  }

  /**
   * The greatest code of a block: 7, but 5 with the greatest scale, where ggml's products with the
   * values of 6 and 7 overflow.
   */
  static int maxCode(int exponent) {
    return exponent == 253 ? 5 : E2m1.MAX_CODE;
  }
}
