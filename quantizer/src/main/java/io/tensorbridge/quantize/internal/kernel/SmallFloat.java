package io.tensorbridge.quantize.internal.kernel;

/**
 * Floats of 4 or 8 bits: a sign, an exponent and a mantissa, with subnormals.
 *
 * <pre>
 *          sign  exponent  mantissa  bias   greatest   beyond it
 *   E4M3      1         4         3     7        448   0x7f is NaN, there is no infinity
 *   E5M2      1         5         2    15      57344   0x7c is infinity, 0x7d to 0x7f are NaN
 *   E2M1      1         2         1     1          6   nothing
 * </pre>
 *
 * <p>Source: OCP 8-bit Floating Point Specification 1.0, OCP Microscaling Formats 1.0.
 */
enum SmallFloat {
  /** {@code float8_e4m3fn}. */
  E4M3(7, 3, 121, 448f, 0x7f),
  /** {@code float8_e5m2}. */
  E5M2(7, 2, 113, 57344f, 0x7c),
  /** {@code float4_e2m1fn}. */
  E2M1(3, 1, 127, 6f, 8);

  private static final int MAGNITUDE = 0x7fffffff;
  private static final int EXPONENT = 0x7f800000;

  /** How far right the sign of a float32 moves. */
  final int signShift;

  /** The sign of a code. */
  final int signBit;

  /** How far left the magnitude of a code moves to the place of a float32's. */
  final int mantissaShift;

  /** The raw bits of the least normal value. */
  final int leastNormalBits;

  /** The least normal value. */
  final float leastNormal;

  /** The greatest finite value. */
  final float maxValue;

  /** The raw bits of the greatest finite value, to which scaled values are clamped. */
  final int maxBits;

  /** The first code of a magnitude that is infinite or NaN. */
  final int firstSpecial;

  /** What remains when a code's exponent is brought to the place of a float32's. */
  final int excess;

  SmallFloat(int signAt, int mantissaBits, int leastExponent, float maxValue, int firstSpecial) {
    this.signShift = 31 - signAt;
    this.signBit = 1 << signAt;
    this.mantissaShift = 23 - mantissaBits;
    this.leastNormalBits = leastExponent << 23;
    this.leastNormal = Float.intBitsToFloat(leastExponent << 23);
    this.maxValue = maxValue;
    this.maxBits = Float.floatToRawIntBits(maxValue);
    this.firstSpecial = firstSpecial;
    this.excess = (mantissaShift << 23) + (leastExponent << mantissaBits);
  }

  /**
   * The raw bits to which a plain cast clamps: what is beyond the greatest value of E5M2 becomes
   * infinite, as in torch and ml_dtypes; E4M3 saturates, as in torch 2.13 and later.
   */
  int castLimitBits() {
    return this == E5M2 ? Float.floatToRawIntBits(0x1p16f) : maxBits;
  }

  /**
   * The nearest code, half to even.
   *
   * <p>A value plus the power of two whose last place is worth as much as the code's has the
   * mantissa, hidden bit included, in its lowest bits. {@link #leastNormalBits} makes that power the
   * same for all subnormals.
   *
   * @param bits of a float32
   * @param limitBits of the magnitude to which it is clamped
   */
  int encode(int bits, int limitBits) {
    int magnitude = Math.min(bits & MAGNITUDE, limitBits);
    int exponent = Math.max(magnitude, leastNormalBits) & EXPONENT;
    float unit = Float.intBitsToFloat(exponent + (mantissaShift << 23));
    int mantissa = Float.floatToRawIntBits(Float.intBitsToFloat(magnitude) + unit);
    int code = mantissa - exponent + (exponent >> mantissaShift) - excess;
    return code | (bits >>> signShift & signBit);
  }

  /** The value of a code. */
  float decode(int code) {
    int magnitude = code & (signBit - 1);
    int bits = (magnitude << mantissaShift) + leastNormalBits;
    if (magnitude >= firstSpecial) {
      bits |= EXPONENT;
    } else if (bits < leastNormalBits + (1 << 23)) {
      bits =
          Float.floatToRawIntBits(
              Float.intBitsToFloat(bits) - leastNormal);
    } else {
      bits -= 1 << 23;
    }
    return Float.intBitsToFloat(bits | (code & signBit) << signShift);
  }

  /** The values of all codes. */
  float[] table() {
    float[] table = new float[2 * signBit];
    for (int code = 0; code < table.length; code++) {
      table[code] = decode(code);
    }
    return table;
  }
}
