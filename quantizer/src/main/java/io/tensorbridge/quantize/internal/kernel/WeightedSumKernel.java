package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Adds up runs of float32 with a weight for each: {@code sum = w_1 * x_1}, then {@code sum = sum +
 * w_2 * x_2} and so on; stateless.
 *
 * <p>Products and sums are rounded to float32 one by one, without a fused multiply-add, as NumPy and
 * torch compute them. Elements don't touch each other, so the bytes depend neither on lanes nor on
 * where a run begins. Which NaN a NaN is, is not told.
 */
public interface WeightedSumKernel {
  /**
   * Begins sums with their first term.
   *
   * @param sums float32, overwritten; may be the term itself
   * @param sumsOffset where the run begins, in bytes
   * @param term float32
   * @param termOffset where its run begins, in bytes
   * @param weight what the term is multiplied by
   * @param count elements of the run
   * @return the raw bits of the greatest magnitude among the new sums, the sign cleared; above those
   *     of infinity if there is a NaN
   */
  int begin(
      MemorySegment sums,
      long sumsOffset,
      MemorySegment term,
      long termOffset,
      float weight,
      int count);

  /**
   * Adds a term to sums.
   *
   * @param sums float32, changed in place
   * @param sumsOffset where the run begins, in bytes
   * @param term float32
   * @param termOffset where its run begins, in bytes
   * @param weight what the term is multiplied by
   * @param count elements of the run
   * @return as {@link #begin}
   */
  int add(
      MemorySegment sums,
      long sumsOffset,
      MemorySegment term,
      long termOffset,
      float weight,
      int count);
}
