package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Rounds float32 to bfloat16, half to even, as {@code ggml_compute_fp32_to_bf16} (ggml-impl.h)
 * does; the compiler vectorizes the loops over strips.
 */
final class ScalarBf16 implements BlockKernel {
  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    int[] bits = new int[Strip.ELEMENTS];
    short[] halves = new short[Strip.ELEMENTS];
    int magnitude = 0;
    for (int done = 0; done < blocks; done += Strip.ELEMENTS) {
      int count = Math.min(Strip.ELEMENTS, blocks - done);
      Strip.load(source, sourceOffset + 4L * done, bits, count);
      magnitude = Math.max(magnitude, Strip.magnitude(bits, 0, count));
      for (int i = 0; i < count; i++) {
        halves[i] = (short) ((bits[i] + 0x7fff + ((bits[i] >>> 16) & 1)) >>> 16);
      }
      Strip.store(halves, count, target, targetOffset + 2L * done);
    }
    return magnitude;
  }

  @Override
  public void dequantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    float[] values = new float[Strip.ELEMENTS];
    short[] halves = new short[Strip.ELEMENTS];
    for (int done = 0; done < blocks; done += Strip.ELEMENTS) {
      int count = Math.min(Strip.ELEMENTS, blocks - done);
      Strip.load(source, sourceOffset + 2L * done, halves, count);
      for (int i = 0; i < count; i++) {
        values[i] = Float.intBitsToFloat(halves[i] << 16);
      }
      Strip.store(values, count, target, targetOffset + 4L * done);
    }
  }
}
