package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * Scales and zero points of the groups of a tensor, while hqq improves them. The zero points of
 * {@link HqqRule#PASSES_AT_ONCE} passes are kept; the next ones begin with those of the last.
 */
public final class HqqGroups {
  private final int maxCode;

  /** What values are multiplied by. */
  private final float[] factors;

  /** For each of the passes, and in the last place before all. */
  private final float[][] zeroPoints;

  /** Whose zero points count. */
  private int pass = HqqRule.PASSES_AT_ONCE - 1;

  /**
   * Groups without parameters.
   *
   * @param count how many
   * @param bits bits of a code
   */
  public HqqGroups(int count, int bits) {
    this.maxCode = (1 << bits) - 1;
    this.factors = new float[count];
    this.zeroPoints = new float[HqqRule.PASSES_AT_ONCE][count];
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
    zeroPoints[pass][group] = HqqRule.zeroPoint(low, high, maxCode, factor);
  }

  int maxCode() {
    return maxCode;
  }

  float factor(int group) {
    return factors[group];
  }

  float zeroPoint(int group) {
    return zeroPoints[pass][group];
  }

  /** Copies the factors and zero points of a run of groups. */
  void load(int first, int count, float[] factors, float[] zeroPoints) {
    System.arraycopy(this.factors, first, factors, 0, count);
    System.arraycopy(this.zeroPoints[pass], first, zeroPoints, 0, count);
  }

  /** Takes the zero points that a pass made of a run of groups. */
  void store(int pass, int first, int count, float[] zeroPoints) {
    System.arraycopy(zeroPoints, 0, this.zeroPoints[pass], first, count);
  }

  /**
   * Goes back to the zero points of an earlier pass.
   *
   * @param pass which of the last {@link HqqRule#PASSES_AT_ONCE}
   */
  public void settle(int pass) {
    this.pass = pass;
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
      target.set(JAVA_FLOAT_UNALIGNED, 4L * i, zeroPoints[pass][first + i]);
    }
  }
}
