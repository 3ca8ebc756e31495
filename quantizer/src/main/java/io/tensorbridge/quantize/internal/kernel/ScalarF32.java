package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/** Copies float32, looking for values that are not finite. */
final class ScalarF32 implements BlockKernel {
  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    int[] bits = new int[Strip.ELEMENTS];
    int magnitude = 0;
    for (int done = 0; done < blocks; done += Strip.ELEMENTS) {
      int count = Math.min(Strip.ELEMENTS, blocks - done);
      Strip.load(source, sourceOffset + 4L * done, bits, count);
      magnitude = Math.max(magnitude, Strip.magnitude(bits, count));
    }
    MemorySegment.copy(source, sourceOffset, target, targetOffset, 4L * blocks);
    return magnitude;
  }

  @Override
  public void dequantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    MemorySegment.copy(source, sourceOffset, target, targetOffset, 4L * blocks);
  }
}
