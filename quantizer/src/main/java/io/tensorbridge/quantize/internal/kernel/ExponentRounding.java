package io.tensorbridge.quantize.internal.kernel;

/**
 * How the exponent that a microscaling block shares follows from the greatest magnitude of the
 * block: the modes of torchao 0.18 ({@code ScaleCalculationMode}). The biased exponent is stored in a
 * byte (E8M0), 127 stands for 1.
 */
enum ExponentRounding {
  /** The exponent of amax, as the OCP specification demands. */
  FLOOR,
  /** The next exponent above amax. */
  CEIL,
  /** The exponent of amax rounded to the mantissa of the type, half away from zero. */
  EVEN,
  /** The next exponent above amax / greatest value of the type, so that nothing is clamped. */
  RCEIL;

  private static final int MANTISSA = 0x7fffff;
  private static final int ONE = 127;

  /**
   * The biased exponent.
   *
   * @param magnitude raw bits of amax
   * @param type of the elements
   */
  int biased(int magnitude, SmallFloat type) {
    if (this == RCEIL) {
      return ceilLog2(Float.intBitsToFloat(magnitude) / type.maxValue);
    }
    int raised = switch (this) {
      case FLOOR, RCEIL -> magnitude;
      case CEIL -> magnitude + MANTISSA;
      case EVEN -> magnitude + (1 << (type.mantissaShift - 1));
    };
    return Math.max(0, (raised >>> 23) - (type.maxBits >>> 23) + ONE);
  }

  /**
   * {@code clamp(ceil(log2(x)), -127, 127) + 127} with a logarithm that is rounded to float32: just
   * above a power of two it is whole.
   */
  private static int ceilLog2(float x) {
    int bits = Float.floatToRawIntBits(x);
    int biased = bits >>> 23;
    if (biased == 0) {
      return bits > (1 << 22) + roundedAway(-ONE) / 2 ? 1 : 0;
    }
    return (bits & MANTISSA) > roundedAway(biased - ONE) ? biased + 1 : biased;
  }

  /**
   * The greatest {@code n} for which {@code log2(2^k * (1 + n * 2^-23))}, rounded to float32, is
   * {@code k}: {@code n / ln(2)} is at most half of the last place that a float just beyond {@code
   * k} has.
   */
  private static int roundedAway(int k) {
    int below = k < 0 ? ~k : k;
    return below == 0 ? 0 : (709 << (31 - Integer.numberOfLeadingZeros(below))) >> 11;
  }

  /**
   * The biased exponent of a block of signed bytes with 6 bits behind the point: {@code
   * floor(log2(amax))} as microxcaling takes it, with a logarithm that is rounded to float32: just
   * below a power of two it is whole.
   *
   * @param magnitude raw bits of amax
   */
  static int biasedOfBytes(int magnitude) {
    int biased = magnitude >>> 23;
    int distance = (1 << 23) - (magnitude & MANTISSA);
    int units = biased == 0 ? 2 * distance : distance;
    return units <= roundedUp(Math.max(1, biased + 1) - ONE) ? biased + 1 : biased;
  }

  /** As {@link #roundedAway}, for {@code log2(2^k * (1 - n * 2^-24))}. */
  private static int roundedUp(int k) {
    int below = k > 0 ? k - 1 : -k;
    return below == 0 ? 0 : (709 << (31 - Integer.numberOfLeadingZeros(below))) >> 10;
  }

  /**
   * What values are multiplied with before they are rounded.
   *
   * <p>A scale is at least 2^-126 there, since the reference avoids subnormals; with {@link #RCEIL},
   * 2^-127 counts as 1 instead. Either way such a block holds nothing but zeros, nearly.
   */
  float factor(int biased) {
    return this == RCEIL && biased == 0 ? 1 : reciprocal(Math.max(1, biased));
  }

  /** 2^(127 - biased), exact. */
  static float reciprocal(int biased) {
    return Float.intBitsToFloat(biased == 254 ? 1 << 22 : (254 - biased) << 23);
  }

  /** 2^(biased - 127), exact; NaN if it is 255. */
  static float value(int biased) {
    return biased == 255
        ? Float.NaN
        : Float.intBitsToFloat(biased == 0 ? 1 << 22 : biased << 23);
  }
}
