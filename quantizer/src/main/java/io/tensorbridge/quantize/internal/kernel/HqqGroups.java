package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/** Scales and zero points of the groups of a tensor, while hqq improves them. */
public final class HqqGroups {
  private final int maxCode;

  /** What values are multiplied by. */
  private final float[] factors;

  private final float[] zeroPoints;

  /**
   * Groups without parameters.
   *
   * @param count how many
   * @param bits bits of a code
   */
  public HqqGroups(int count, int bits) {
    this.maxCode = (1 << bits) - 1;
    this.factors = new float[count];
    this.zeroPoints = new float[count];
  }

  /**
   * Sets what the passes begin with: the least value becomes code 0.
   *
   * @param group its index
   * @param range the {@link ValueRange} of its values
   */
  public void begin(int group, long range) {
    float low = ValueRange.low(range);
    float high = ValueRange.high(range);
    float factor = HqqRule.factor(low, high, maxCode);
    factors[group] = factor;
    zeroPoints[group] = HqqRule.zeroPoint(low, high, maxCode, factor);
  }

  int maxCode() {
    return maxCode;
  }

  float factor(int group) {
    return factors[group];
  }

  float zeroPoint(int group) {
    return zeroPoints[group];
  }

  /** Takes a better zero point, unless it overflowed on the way. */
  void improve(int group, float zeroPoint) {
    if (Float.isFinite(zeroPoint)) {
      zeroPoints[group] = zeroPoint;
    }
  }

  /**
   * Stores what codes are multiplied by.
   *
   * @param first the first group
   * @param count how many
   * @param target receives float32
   */
  public void storeScales(int first, int count, MemorySegment target) {
    for (int i = 0; i < count; i++) {
      target.set(JAVA_FLOAT_UNALIGNED, 4L * i, 1f / factors[first + i]);
    }
  }

  /**
   * Stores zero points.
   *
   * @param first the first group
   * @param count how many
   * @param target receives float32
   */
  public void storeZeroPoints(int first, int count, MemorySegment target) {
    for (int i = 0; i < count; i++) {
      target.set(JAVA_FLOAT_UNALIGNED, 4L * i, zeroPoints[first + i]);
    }
  }
}
