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
  void magnitudes(
      MemorySegment source, long sourceOffset, int columns, int rows, int[] greatest) {
    for (int row = 0; row < rows; row++) {
      for (int tile = 0; tile < greatest.length; tile++) {
        long from = sourceOffset + 4 * (row * (long) columns + (long) tile * TILE);
        int found = magnitude(source, from, tileColumns(tile, columns));
        greatest[tile] = Math.max(greatest[tile], found);
      }
    }
  }

  @Override
  void castTiles(
      MemorySegment source,
      long sourceOffset,
      int columns,
      int rows,
      float[] scales,
      MemorySegment target,
      long targetOffset) {
    for (int row = 0; row < rows; row++) {
      for (int tile = 0; tile < scales.length; tile++) {
        long at = row * (long) columns + (long) tile * TILE;
        int count = tileColumns(tile, columns);
        cast(source, sourceOffset + 4 * at, count, scales[tile], target, targetOffset + at);
      }
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
