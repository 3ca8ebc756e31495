package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Turns runs of float32 into the parts of one {@link GroupFormat}, and back; stateless.
 *
 * <p>A run is some full groups, or ends with a shorter one at the end of a row. Each part of a run is
 * a segment that begins with it and has the size that {@link GroupFormat#partBytes} tells. Segments
 * are native and of any alignment.
 */
public interface GroupKernel {
  /**
   * Quantizes a run of groups.
   *
   * @param source float32 values
   * @param sourceOffset where the run begins, in bytes
   * @param groupElements elements of a full group
   * @param elements elements of the run
   * @param parts receive the run; a part that belongs to the whole tensor is read instead
   * @return the greatest magnitude of all values as raw bits, the sign cleared; if it is {@link
   *     BlockKernel#INFINITE_BITS} or more, what was written means nothing
   */
  int quantize(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int elements,
      MemorySegment[] parts);

  /**
   * Dequantizes a run of groups.
   *
   * @param parts hold the run
   * @param groupElements elements of a full group
   * @param elements elements of the run
   * @param target receives float32 values
   * @param targetOffset where they go, in bytes
   */
  void dequantize(
      MemorySegment[] parts,
      int groupElements,
      int elements,
      MemorySegment target,
      long targetOffset);
}
