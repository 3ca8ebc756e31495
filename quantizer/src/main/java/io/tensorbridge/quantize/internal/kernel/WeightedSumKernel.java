package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Adds up runs of one float format with a weight for each, {@code w_1 * x_1 + w_2 * x_2 + ...}, in
 * one pass over memory; stateless.
 *
 * <p>Products and sums are rounded to float32 one by one, without a fused multiply-add, as NumPy and
 * torch compute them; the last sum is rounded once to the format, half to even. Elements don't touch
 * each other, so the bytes depend neither on lanes nor on where a run begins. Which NaN a NaN is, is
 * not told.
 */
public interface WeightedSumKernel {
  /**
   * Adds up.
   *
   * @param terms at least one run of the kernel's format
   * @param weights of the terms
   * @param target where the sums go, in the same format; may be the first term itself, otherwise it
   *     overlaps none
   * @param count elements of each run
   * @return whether all sums are finite in the format
   */
  boolean sum(MemorySegment[] terms, float[] weights, MemorySegment target, int count);
}
