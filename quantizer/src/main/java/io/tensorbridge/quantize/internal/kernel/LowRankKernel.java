package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Adds the product of a row of factors and a matrix to a run of a row: what a LoRA does to a weight;
 * stateless.
 *
 * <p>For each column {@code j} the products {@code factor[r] * matrix[r][j]} are added up in float32
 * from 0, in the order of {@code r}, without a fused multiply-add, and their sum is added to the
 * value at last. Columns don't touch each other, so the bytes depend neither on lanes nor on where a
 * run begins.
 */
public interface LowRankKernel {
  /**
   * Adds to a run of a row.
   *
   * @param values float32, changed in place
   * @param valuesOffset where the run begins, in bytes
   * @param count elements of the run
   * @param factors float32, one for each row of the matrix
   * @param factorsOffset where they begin, in bytes
   * @param rank the number of factors
   * @param matrix float32, row-major
   * @param matrixOffset where the first column of the run lies in the first row, in bytes
   * @param matrixStride from a row of the matrix to the next, in bytes
   */
  void add(
      MemorySegment values,
      long valuesOffset,
      int count,
      MemorySegment factors,
      long factorsOffset,
      int rank,
      MemorySegment matrix,
      long matrixOffset,
      long matrixStride);
}
