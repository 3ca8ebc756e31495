package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Rounds float32 to bfloat16, half to even, as {@code ggml_compute_fp32_to_bf16} (ggml-impl.h)
 * does; the compiler vectorizes some of the loops over strips.
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
      magnitude = Math.max(magnitude, Strip.magnitude(bits, count));
      round(bits, halves, count);
      Strip.store(halves, count, target, targetOffset + 2L * done);
    }
    return magnitude;
  }

  /** Rounds raw float bits, which are lost. */
  static void round(int[] bits, short[] halves, int count) {
    round(bits, count);
    narrow(bits, halves, count);
  }

  /** Apart from {@link #narrow}: the compiler vectorizes two loops better than one. */
  private static void round(int[] bits, int count) {
    for (int i = 0; i < count; i++) {
      bits[i] = (bits[i] + 0x7fff + ((bits[i] >>> 16) & 1)) >>> 16;
    }
  }

  private static void narrow(int[] bits, short[] halves, int count) {
    for (int i = 0; i < count; i++) {
      halves[i] = (short) bits[i];
    }
  }

  @Override
  public void dequantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    int[] bits = new int[Strip.ELEMENTS];
    short[] halves = new short[Strip.ELEMENTS];
    for (int done = 0; done < blocks; done += Strip.ELEMENTS) {
      int count = Math.min(Strip.ELEMENTS, blocks - done);
      Strip.load(source, sourceOffset + 2L * done, halves, count);
      widen(halves, bits, count);
      Strip.store(bits, count, target, targetOffset + 4L * done);
    }
  }

  static void widen(short[] halves, int[] bits, int count) {
    for (int i = 0; i < count; i++) {
      bits[i] = halves[i] << 16;
    }
  }
}
