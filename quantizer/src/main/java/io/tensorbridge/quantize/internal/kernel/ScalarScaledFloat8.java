package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/** The reference for {@link ScaledFloat8}, a strip at a time. */
final class ScalarScaledFloat8 extends ScaledFloat8 {
  private final float[] table;

  ScalarScaledFloat8(SmallFloat type, Extent extent) {
    super(type, extent);
    this.table = type.table();
  }

  @Override
  int magnitude(MemorySegment source, long sourceOffset, int count) {
    int[] bits = new int[Math.min(count, Strip.ELEMENTS)];
    int magnitude = 0;
    for (int done = 0; done < count; done += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, count - done);
      Strip.load(source, sourceOffset + 4L * done, bits, length);
      magnitude = Math.max(magnitude, Strip.magnitude(bits, length));
    }
    return magnitude;
  }

  @Override
  int cast(
      MemorySegment source,
      long sourceOffset,
      int count,
      float scale,
      MemorySegment target,
      long targetOffset) {
    int[] bits = new int[Math.min(count, Strip.ELEMENTS)];
    SmallFloatStrip strip = new SmallFloatStrip(type, type.maxBits, count);
    int magnitude = 0;
    for (int done = 0; done < count; done += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, count - done);
      Strip.load(source, sourceOffset + 4L * done, bits, length);
      magnitude = Math.max(magnitude, Strip.magnitude(bits, length));
      Strip.load(source, sourceOffset + 4L * done, strip.values, length);
      divide(strip.values, scale, length);
      strip.encode(length);
      Strip.store(strip.codes, length, target, targetOffset + done);
    }
    return magnitude;
  }

  private static void divide(float[] values, float divisor, int count) {
    for (int i = 0; i < count; i++) {
      values[i] /= divisor;
    }
  }

  @Override
  void widen(
      MemorySegment source,
      long sourceOffset,
      int count,
      float scale,
      MemorySegment target,
      long targetOffset) {
    byte[] codes = new byte[Math.min(count, Strip.ELEMENTS)];
    float[] values = new float[codes.length];
    for (int done = 0; done < count; done += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, count - done);
      Strip.load(source, sourceOffset + done, codes, length);
      for (int i = 0; i < length; i++) {
        values[i] = table[codes[i] & 0xff] * scale;
      }
      Strip.store(values, length, target, targetOffset + 4L * done);
    }
  }
}
