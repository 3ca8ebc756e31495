package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/** Rounds float32 to 8-bit floats, half to even, as a cast of torch does; the reference. */
final class ScalarFloat8 implements BlockKernel {
  private final SmallFloat type;
  private final float[] table;

  ScalarFloat8(SmallFloat type) {
    this.type = type;
    this.table = type.table();
  }

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    SmallFloatStrip strip = new SmallFloatStrip(type, type.castLimitBits(), blocks);
    int magnitude = 0;
    for (int done = 0; done < blocks; done += Strip.ELEMENTS) {
      int count = Math.min(Strip.ELEMENTS, blocks - done);
      Strip.load(source, sourceOffset + 4L * done, strip.values, count);
      magnitude = Math.max(magnitude, strip.encode(count));
      Strip.store(strip.codes, count, target, targetOffset + done);
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
    byte[] codes = new byte[Strip.ELEMENTS];
    float[] values = new float[Strip.ELEMENTS];
    for (int done = 0; done < blocks; done += Strip.ELEMENTS) {
      int count = Math.min(Strip.ELEMENTS, blocks - done);
      Strip.load(source, sourceOffset + done, codes, count);
      for (int i = 0; i < count; i++) {
        values[i] = table[codes[i] & 0xff];
      }
      Strip.store(values, count, target, targetOffset + 4L * done);
    }
  }
}
