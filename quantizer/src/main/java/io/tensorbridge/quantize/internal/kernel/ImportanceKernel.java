package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Quantizes runs of blocks so that errors count more where a column is important, as ggml's {@code
 * quantize_*} functions do with an importance matrix; stateless.
 *
 * <p>Segments are native and of any alignment; a run lies within one row, so that its importances
 * are neighbours, too.
 */
public interface ImportanceKernel {
  /**
   * Quantizes a run of blocks of one row.
   *
   * @param source float32 values
   * @param sourceOffset where the run begins, in bytes
   * @param importance float32, one for each column of the tensor
   * @param importanceOffset where the importances of the run begin, in bytes
   * @param target receives the blocks
   * @param targetOffset where they go, in bytes
   * @param blocks how many
   * @return as {@link BlockKernel#quantize}
   */
  int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment importance,
      long importanceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks);
}
