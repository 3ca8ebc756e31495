package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/**
 * What hqq does with runs of groups; stateless. Segments are native and of any alignment.
 *
 * <p>Element {@code i} of a group belongs to lane {@code i % 16}. Each lane adds up in order as
 * float32; then the upper half of the lanes is added to the lower, until one is left. So both twins
 * give the same bits.
 */
public interface HqqKernel {
  /** The number of partial sums. */
  int LANES = 16;

  /**
   * One pass: rounds with the zero points as they are, and makes new ones.
   *
   * @param source float32 values, finite
   * @param sourceOffset where the run begins, in bytes
   * @param groupElements elements of a group, a multiple of 16
   * @param count groups of the run
   * @param groups their scales, and their zero points, which are replaced
   * @param firstGroup the index of the first
   * @return the sum of the magnitudes of the errors with the zero points as they were
   */
  double improve(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int count,
      HqqGroups groups,
      int firstGroup);

  /**
   * The codes of a run.
   *
   * @param source float32 values, finite
   * @param sourceOffset where the run begins, in bytes
   * @param groupElements elements of a group, a multiple of 16
   * @param count groups of the run
   * @param groups their scales and zero points
   * @param firstGroup the index of the first
   * @param codes receives a byte for each
   * @param codesOffset where they go, in bytes
   */
  void codes(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int count,
      HqqGroups groups,
      int firstGroup,
      MemorySegment codes,
      long codesOffset);
}
