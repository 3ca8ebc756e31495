package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Turns runs of float32 into runs of blocks of one {@link BlockFormat}, and back; stateless.
 *
 * <p>Segments are native and of any alignment; the runs must lie within them.
 */
public interface BlockKernel {
  /** What {@link #quantize} returns, at least, if a value was NaN or infinite. */
  int INFINITE_BITS = 0x7f800000;

  /**
   * Quantizes a run of blocks.
   *
   * @param source float32 values
   * @param sourceOffset where the run begins, in bytes
   * @param target receives the blocks
   * @param targetOffset where they go, in bytes
   * @param blocks how many
   * @return the greatest magnitude of all values as raw bits, the sign cleared; if it is {@link
   *     #INFINITE_BITS} or more, the written bytes mean nothing
   */
  int quantize(
      MemorySegment source, long sourceOffset, MemorySegment target, long targetOffset, int blocks);

  /**
   * Dequantizes a run of blocks.
   *
   * @param source blocks
   * @param sourceOffset where the run begins, in bytes
   * @param target receives float32 values
   * @param targetOffset where they go, in bytes
   * @param blocks how many
   */
  void dequantize(
      MemorySegment source, long sourceOffset, MemorySegment target, long targetOffset, int blocks);
}
