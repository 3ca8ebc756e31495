package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/**
 * What hqq does with runs of groups; stateless. Segments are native and of any alignment.
 *
 * <p>Element {@code i} of a group belongs to partial sum {@code i % 16}. Each adds up in order as
 * float32; then the upper half of them is added to the lower, until one is left. So both twins give
 * the same bits, and those of torch more often than in another order.
 */
public interface HqqKernel {
  /** The number of partial sums. */
  int PARTIAL_SUMS = 16;

  /**
   * {@link HqqRule#PASSES_AT_ONCE} passes: each rounds with the zero points as they are, and makes
   * new ones.
   *
   * @param source float32 values, finite
   * @param sourceOffset where the run begins, in bytes
   * @param groupElements elements of a group, a multiple of 16
   * @param count groups of the run
   * @param groups their scales, and their zero points, of which each pass makes new ones
   * @param firstGroup the index of the first
   * @param errors receives for each pass the sum of the magnitudes of the errors with the zero points
   *     that it found
   */
  void improve(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int count,
      HqqGroups groups,
      int firstGroup,
      double[] errors);

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
