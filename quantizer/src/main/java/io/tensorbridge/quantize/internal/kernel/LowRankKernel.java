package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Adds the product of two small matrices to rows of a large one: what a LoRA does to a weight;
 * stateless.
 *
 * <p>For each row {@code i} and column {@code j} the products {@code factor[i][r] * matrix[r][j]} are
 * added up in float32 from 0, in the order of {@code r}, without a fused multiply-add, and their sum
 * is added to the value at last. Elements don't touch each other, so the bytes depend neither on
 * lanes nor on how rows are cut.
 */
public interface LowRankKernel {
  /**
   * Adds to the same columns of some rows. In both segments a row follows {@code product.columns()}
   * values behind the one before.
   *
   * @param source float32
   * @param sourceOffset where the first row's columns begin, in bytes
   * @param target receives the sums: the same memory as the source, or other memory
   * @param targetOffset where the first row's columns begin, in bytes
   * @param product what is added
   * @param row the first row, in the product
   * @param rows the number of rows
   * @param column the first column, in the product
   * @param columns how many columns
   */
  void add(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      LowRankProduct product,
      long row,
      int rows,
      long column,
      int columns);
}
