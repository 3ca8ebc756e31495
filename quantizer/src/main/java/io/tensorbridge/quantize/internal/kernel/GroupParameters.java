package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/** Scales and zero points of a run of groups. */
public final class GroupParameters {
  private final float[] scales;
  private final float[] zeroPoints;

  /**
   * Room for some groups.
   *
   * @param groups how many
   */
  public GroupParameters(int groups) {
    scales = new float[groups];
    zeroPoints = new float[groups];
  }

  /**
   * Stores what belongs to a group.
   *
   * @param group index of the group
   * @param scale its scale
   * @param zeroPoint its zero point
   */
  public void set(int group, float scale, float zeroPoint) {
    scales[group] = scale;
    zeroPoints[group] = zeroPoint;
  }

  /**
   * The scale of a group.
   *
   * @param group index of the group
   * @return its scale
   */
  public float scale(int group) {
    return scales[group];
  }

  /**
   * The zero point of a group.
   *
   * @param group index of the group
   * @return its zero point
   */
  public float zeroPoint(int group) {
    return zeroPoints[group];
  }

  /**
   * Copies scales to memory.
   *
   * @param firstGroup index of the first group
   * @param target float32 for as many groups as it has room for
   */
  public void storeScales(int firstGroup, MemorySegment target) {
    store(scales, firstGroup, target);
  }

  /**
   * Copies zero points to memory.
   *
   * @param firstGroup index of the first group
   * @param target float32 for as many groups as it has room for
   */
  public void storeZeroPoints(int firstGroup, MemorySegment target) {
    store(zeroPoints, firstGroup, target);
  }

  private static void store(float[] from, int first, MemorySegment target) {
    int count = (int) (target.byteSize() / Float.BYTES);
    MemorySegment.copy(from, first, target, JAVA_FLOAT_UNALIGNED, 0, count);
  }
}
