package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/** Rounds float32 to binary16, half to even; the compiler vectorizes the loops over strips. */
final class ScalarF16 implements BlockKernel {
  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    float[] values = new float[Strip.ELEMENTS];
    int[] rawBits = new int[Strip.ELEMENTS];
    short[] halves = new short[Strip.ELEMENTS];
    int magnitude = 0;
    for (int done = 0; done < blocks; done += Strip.ELEMENTS) {
      int count = Math.min(Strip.ELEMENTS, blocks - done);
      Strip.load(source, sourceOffset + 4L * done, values, count);
      Strip.load(source, sourceOffset + 4L * done, rawBits, count);
      magnitude = Math.max(magnitude, Strip.magnitude(rawBits, count));
      round(values, halves, count);
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
      widen(halves, values, count);
      Strip.store(values, count, target, targetOffset + 4L * done);
    }
  }

  static void round(float[] values, short[] halves, int count) {
    for (int i = 0; i < count; i++) {
      halves[i] = Float.floatToFloat16(values[i]);
    }
  }

  static void widen(short[] halves, float[] values, int count) {
    for (int i = 0; i < count; i++) {
      values[i] = Float.float16ToFloat(halves[i]);
    }
  }
}
