package io.tensorbridge.quantize.internal.kernel;

/**
 * The numbers and formulas of hqq's default solver, {@code optimize_weights_proximal_legacy} of
 * version 0.2.8, in float32 as on a CPU.
 */
public final class HqqRule {
  /** The greatest number of passes. */
  public static final int PASSES = 20;

  /**
   * Passes over a chunk while it is in the cache. Their zero points are all kept, until the errors of
   * the whole tensor tell which pass was the last one.
   */
  public static final int PASSES_AT_ONCE = 10;

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

  /** Coefficients of {@code (1 + t)^(p - 1)} for t of -0.2 to 0.2, right to 2.1e-6. */
  static final float POWER_0 = 0x1.000004p+0f;

  static final float POWER_1 = -0x1.3324a6p-2f;
  static final float POWER_2 = 0x1.8f26d2p-3f;
  static final float POWER_3 = -0x1.3d6a18p-3f;
  static final float POWER_4 = 0x1.093a4cp-3f;

  /** Half octaves with a power of their own. */
  static final int INTERVALS = 32;

  /** From raw bits of a magnitude to its half octave, modulo their number. */
  static final int INTERVAL_SHIFT = 22;

  /** Raw bits of the least magnitude whose power is taken, 2^-3: far below, all shrinks to 0. */
  static final int LEAST_BITS = (127 - 3) << 23;

  /**
   * Raw bits of the greatest one, just below 2^13: above, that power serves, for it is a millionth of
   * the magnitude.
   */
  static final int GREATEST_BITS = LEAST_BITS + (INTERVALS << INTERVAL_SHIFT) - 1;

  /** The reciprocals of the middles of intervals. */
  static final float[] OF_MIDDLES = new float[INTERVALS];

  /** {@code strength * middle^(p - 1)}. */
  static final float[] POWERS = new float[INTERVALS];

  static {
    for (int i = 0; i < INTERVALS; i++) {
      int bits = LEAST_BITS + (i << INTERVAL_SHIFT);
      double middle = Float.intBitsToFloat(bits + (1 << (INTERVAL_SHIFT - 1)));
      int interval = (bits >>> INTERVAL_SHIFT) & (INTERVALS - 1);
      OF_MIDDLES[interval] = (float) (1 / middle);
      POWERS[interval] = (float) (STRENGTH * Math.pow(middle, EXPONENT));
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
   * The generalized soft threshold: {@code sign(x) * max(0, |x| - |x|^(p-1) / beta)}. The power is
   * that of the middle of a half octave times a polynomial, in float32 without fused operations, as
   * the vector twin has it; the result is right to 3e-6 of the magnitude.
   */
  static float shrink(float error) {
    int bits = Float.floatToRawIntBits(error);
    int magnitude = bits & 0x7fffffff;
    if (magnitude < SHRUNKEN_BITS) {
      return 0;
    }
    int base = Math.min(magnitude, GREATEST_BITS);
    int interval = (base >>> INTERVAL_SHIFT) & (INTERVALS - 1);
    float t = Float.intBitsToFloat(base) * OF_MIDDLES[interval] - 1;
    float power = POWER_4;
    power = power * t + POWER_3;
    power = power * t + POWER_2;
    power = power * t + POWER_1;
    power = power * t + POWER_0;
    float less = Float.intBitsToFloat(magnitude) - power * POWERS[interval];
    int kept = Math.max(Float.floatToRawIntBits(less), 0);
    return Float.intBitsToFloat(kept | (bits & 0x80000000));
  }

  /** The sum of all partial sums; they are overwritten. */
  static float fold(float[] partialSums) {
    for (int half = partialSums.length / 2; half > 0; half >>= 1) {
      for (int i = 0; i < half; i++) {
        partialSums[i] += partialSums[i + half];
      }
    }
    return partialSums[0];
  }
}
