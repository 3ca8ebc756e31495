package io.tensorbridge.quantize.internal.kernel;

/**
 * The numbers and formulas of hqq's default solver, {@code optimize_weights_proximal_legacy} of
 * version 0.2.8, in float32 as on a CPU.
 */
public final class HqqRule {
  /** The greatest number of passes. */
  public static final int PASSES = 20;

  /** {@code 1.5 * 2^23}: adding it rounds to integers, halves to even, in the low bits. */
  static final float ROUNDING = 0x1.8p23f;

  /** The bits of {@link #ROUNDING}, which stand for code 0. */
  static final int ROUNDING_BITS = 0x4b400000;

  private static final float GREATEST_SCALE = 2e4f;
  private static final float LEAST_RANGE = 1e-4f;
  private static final float WIDEST_RANGE = 0x1p126f;

  /** {@code 1 / beta}. The package's default solver has a kappa, and does not use it. */
  private static final float STRENGTH = 0.1f;

  /** The norm less 1. */
  private static final double EXPONENT = 0.7f - 1.0;

  /**
   * Raw bits of a magnitude below which all shrinks to 0: a little less than {@code
   * strength^(1/1.3)}, which is 0.1701. Errors of model weights are far below, so that no power need
   * be taken.
   */
  static final int SHRUNKEN_BITS = Float.floatToRawIntBits(0.17f);

  /** Powers of {@code 2^(i - 127)}, for each exponent of a float. */
  private static final double[] OF_EXPONENTS = new double[256];

  /** Powers of {@code 1 + i / 128}, for the highest bits of a mantissa. */
  private static final double[] OF_MANTISSAS = new double[128];

  static {
    for (int i = 0; i < OF_EXPONENTS.length; i++) {
      OF_EXPONENTS[i] = Math.pow(2, EXPONENT * (i - 127));
    }
    for (int i = 0; i < OF_MANTISSAS.length; i++) {
      OF_MANTISSAS[i] = Math.pow(1 + i / 128.0, EXPONENT);
    }
  }

  private HqqRule() {}

  /**
   * What values are multiplied by: {@code maxCode / range}, as torch computes it; 1 for a range that
   * is next to nothing. A range near the greatest float32 or beyond, which hqq makes NaN of, is taken
   * by halves, and codes span four fifths of it, so that all that comes back is finite.
   */
  static float factor(float low, float high, int maxCode) {
    float range = high - low;
    if (range <= LEAST_RANGE) {
      return 1;
    }
    return range > WIDEST_RANGE
        ? 1f / (high * 0.5f - low * 0.5f) * (maxCode * 0.625f)
        : Math.min(1f / range * maxCode, GREATEST_SCALE);
  }

  /**
   * The zero point that passes begin with: the least value becomes code 0; a range near the greatest
   * float32 has its middle amid the codes.
   */
  static float zeroPoint(float low, float high, int maxCode, float factor) {
    return high - low > WIDEST_RANGE
        ? maxCode * 0.5f - (low * 0.5f + high * 0.5f) * factor
        : -low * factor;
  }

  /** The code of a value as bits of a float that lies by {@link #ROUNDING} higher. */
  static int roundedBits(float scaled, float zeroPoint, int maxCode) {
    int bits = Float.floatToRawIntBits(scaled + zeroPoint + ROUNDING);
    return Math.min(Math.max(bits, ROUNDING_BITS), ROUNDING_BITS + maxCode);
  }

  /**
   * A normal magnitude to the power of p - 1: that of its exponent, times that of the highest bits
   * of its mantissa, times a series in what is left, which is right to about 1e-9.
   */
  static float power(float magnitude) {
    int bits = Float.floatToRawIntBits(magnitude);
    double mantissa = 1 + (bits & 0x7fffff) * 0x1p-23;
    int high = bits >> 16 & 0x7f;
    double start = 1 + high / 128.0;
    double rest = (mantissa - start) / start;
    double series = 1 - rest * (0.3 - rest * (0.195 - rest * 0.1495));
    return (float) (OF_EXPONENTS[bits >>> 23] * OF_MANTISSAS[high] * series);
  }

  /** The generalized soft threshold: {@code sign(x) * max(0, |x| - |x|^(p-1) / beta)}. */
  static float shrink(float error) {
    float magnitude = Math.abs(error);
    if (Float.floatToRawIntBits(magnitude) < SHRUNKEN_BITS) {
      return 0;
    }
    float less = magnitude - STRENGTH * power(magnitude);
    return Math.copySign(Math.max(less, 0), error);
  }

  /** The sum of all lanes; they are overwritten. */
  static float fold(float[] lanes) {
    for (int half = HqqKernel.LANES / 2; half > 0; half >>= 1) {
      for (int i = 0; i < half; i++) {
        lanes[i] += lanes[i + half];
      }
    }
    return lanes[0];
  }
}
