package io.tensorbridge.quantize.internal.kernel;

/**
 * The least and the greatest of some floats, in one {@code long}: two integers that are ordered as
 * the floats are, so that comparing is exact, quick, and finds what is not finite.
 *
 * <p>-0 counts as less than +0, NaNs lie outside the infinities. The result does not depend on the
 * order in which values or ranges are joined.
 */
public final class ValueRange {
  /** The range of no values. */
  public static final long EMPTY = of(Integer.MAX_VALUE, Integer.MIN_VALUE);

  private static final int POSITIVE_INFINITY = 0x7f800000;
  private static final int NEGATIVE_INFINITY = key(0xff800000);

  private ValueRange() {}

  /** The integer that stands for raw float bits; it is its own inverse. */
  static int key(int bits) {
    return bits ^ ((bits >> 31) & 0x7fffffff);
  }

  static long of(int lowKey, int highKey) {
    return ((long) highKey << 32) | Integer.toUnsignedLong(lowKey);
  }

  /**
   * The range of one value.
   *
   * @param value the value
   * @return a range of which it is the least and the greatest
   */
  public static long of(float value) {
    int key = key(Float.floatToRawIntBits(value));
    return of(key, key);
  }

  private static int lowKey(long range) {
    return (int) range;
  }

  private static int highKey(long range) {
    return (int) (range >> 32);
  }

  /**
   * The range of the values of two ranges.
   *
   * @param a a range
   * @param b another one
   * @return the range that holds both
   */
  public static long join(long a, long b) {
    return of(Math.min(lowKey(a), lowKey(b)), Math.max(highKey(a), highKey(b)));
  }

  /**
   * Whether no value is NaN or infinite.
   *
   * @param range a range
   * @return true also for {@link #EMPTY}
   */
  public static boolean isFinite(long range) {
    return range == EMPTY
        || (highKey(range) < POSITIVE_INFINITY && lowKey(range) > NEGATIVE_INFINITY);
  }

  /** The greatest magnitude as raw bits, the sign cleared. */
  static int magnitude(long range) {
    int low = key(lowKey(range)) & 0x7fffffff;
    return Math.max(low, key(highKey(range)) & 0x7fffffff);
  }

  /**
   * The least value.
   *
   * @param range a range that is not empty
   * @return the value
   */
  public static float low(long range) {
    return Float.intBitsToFloat(key(lowKey(range)));
  }

  /**
   * The greatest value.
   *
   * @param range a range that is not empty
   * @return the value
   */
  public static float high(long range) {
    return Float.intBitsToFloat(key(highKey(range)));
  }
}
