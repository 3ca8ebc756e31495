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
   * Adds to the same columns of some rows.
   *
   * @param values float32, changed in place
   * @param valuesOffset where the first row's columns begin, in bytes
   * @param rows the number of rows
   * @param columns how many columns
   * @param factors float32 {@code [rows, rank]}
   * @param factorsOffset where they begin, in bytes
   * @param rank the number of factors of a row, and of rows of the matrix
   * @param matrix float32, row-major
   * @param matrixOffset where the first of the columns lies in the first row, in bytes
   * @param stride from a row to the next in the matrix, and in the values, in bytes
   */
  void add(
      MemorySegment values,
      long valuesOffset,
      int rows,
      int columns,
      MemorySegment factors,
      long factorsOffset,
      int rank,
      MemorySegment matrix,
      long matrixOffset,
      long stride);
}
