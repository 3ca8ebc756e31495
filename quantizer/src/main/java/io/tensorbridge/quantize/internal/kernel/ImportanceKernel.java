package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Quantizes runs of blocks so that errors count more where a column is important, as ggml's {@code
 * quantize_*} functions do with an importance matrix; stateless.
 *
 * <p>Segments are native and of any alignment.
 */
public interface ImportanceKernel {
  /**
   * Quantizes a run of blocks.
   *
   * @param source float32 values
   * @param sourceOffset where the run begins, in bytes
   * @param importance float32, finite and not negative, one for each value of the run
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
