package io.tensorbridge.quantize.internal.kernel;

/**
 * Scale and zero point of the scheme {@code uniform} from the range of a group, in float32
 * arithmetic; {@code docs/uniform.md} has the same as NumPy code.
 *
 * <p>A code is {@code clip(rint(x / scale + zeroPoint), 0, 2^bits - 1)}, a value {@code (code -
 * zeroPoint) * scale}.
 *
 * @param bits bits of a code: 2, 4 or 8
 * @param symmetric whether the zero point is {@code 2^(bits-1)}
 */
public record UniformRule(int bits, boolean symmetric) {
  /**
   * The greatest code.
   *
   * @return {@code 2^bits - 1}
   */
  public int maxCode() {
    return (1 << bits) - 1;
  }

  /**
   * The distance between two levels.
   *
   * @param low the least value of the group
   * @param high the greatest value of the group
   * @return finite and above 0: where the quotient underflows, 2^-149, of which every tiny value is
   *     a multiple; for equal values such that they come back exactly
   */
  public float scale(float low, float high) {
    float scale = symmetric ? symmetricScale(low, high) : asymmetricScale(low, high);
    return scale == 0 ? Float.MIN_VALUE : scale;
  }

  private float asymmetricScale(float low, float high) {
    if (low == high) {
      return low == 0 ? 1f : Math.abs(low);
    }
    float levels = maxCode();
    float range = high - low;
    return range == Float.POSITIVE_INFINITY ? high / levels - low / levels : range / levels;
  }

  private float symmetricScale(float low, float high) {
    float magnitude = Math.max(Math.abs(low), Math.abs(high));
    return magnitude == 0 ? 1f : magnitude / ((1 << (bits - 1)) - 1);
  }

  /**
   * The code of zero, which need not be whole, nor a code.
   *
   * @param low the least value of the group
   * @param scale the scale of the group
   * @return never -0
   */
  public float zeroPoint(float low, float scale) {
    return symmetric ? 1 << (bits - 1) : (0f - low) / scale;
  }
}
