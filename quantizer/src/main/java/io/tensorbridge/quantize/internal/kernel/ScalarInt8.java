package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/** The reference for {@link Int8Rule}, a strip at a time. */
final class ScalarInt8 implements GroupKernel {
  /** Added to a float of at most 2^22 and taken away, it leaves the nearest integer, half to even. */
  private static final float MAGIC = 12582912f;

  private final Int8Rule rule;

  ScalarInt8(Int8Rule rule) {
    this.rule = rule;
  }

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int elements,
      MemorySegment[] parts) {
    int[] bits = new int[Strip.ELEMENTS];
    float[] values = new float[Strip.ELEMENTS];
    byte[] codes = new byte[Strip.ELEMENTS];
    int magnitude = 0;
    int group = 0;
    for (int from = 0; from < elements; from += groupElements) {
      int to = Math.min(from + groupElements, elements);
      int greatest = 0;
      for (int at = from; at < to; at += Strip.ELEMENTS) {
        int length = Math.min(Strip.ELEMENTS, to - at);
        Strip.load(source, sourceOffset + 4L * at, bits, length);
        greatest = Math.max(greatest, Strip.magnitude(bits, length));
      }
      float amax = Float.intBitsToFloat(greatest);
      float scale = rule.scale(amax);
      for (int at = from; at < to; at += Strip.ELEMENTS) {
        int length = Math.min(Strip.ELEMENTS, to - at);
        Strip.load(source, sourceOffset + 4L * at, values, length);
        round(values, amax, scale, codes, length);
        Strip.store(codes, length, parts[0], at);
      }
      parts[1].set(JAVA_FLOAT_UNALIGNED, 4L * group++, scale);
      magnitude = Math.max(magnitude, greatest);
    }
    return magnitude;
  }

  private void round(float[] values, float amax, float scale, byte[] codes, int count) {
    switch (rule) {
      case BITSANDBYTES -> multiply(values, amax == 0 ? 0 : 127f / amax, codes, count);
      case TORCHAO -> multiply(values, 1f / scale, codes, count);
      case COMPRESSED_TENSORS, QUANTO -> divide(values, scale == 0 ? 1 : scale, codes, count);
    }
  }

  private static void multiply(float[] values, float factor, byte[] codes, int count) {
    for (int i = 0; i < count; i++) {
      float nearest = values[i] * factor + MAGIC - MAGIC;
      codes[i] = (byte) (int) Math.max(-128f, Math.min(nearest, 127f));
    }
  }

  private static void divide(float[] values, float divisor, byte[] codes, int count) {
    for (int i = 0; i < count; i++) {
      float nearest = values[i] / divisor + MAGIC - MAGIC;
      codes[i] = (byte) (int) Math.max(-128f, Math.min(nearest, 127f));
    }
  }

  @Override
  public void dequantize(
      MemorySegment[] parts,
      int groupElements,
      int elements,
      MemorySegment target,
      long targetOffset) {
    byte[] codes = new byte[Strip.ELEMENTS];
    float[] values = new float[Strip.ELEMENTS];
    int group = 0;
    for (int from = 0; from < elements; from += groupElements) {
      int to = Math.min(from + groupElements, elements);
      float step = rule.step(parts[1].get(JAVA_FLOAT_UNALIGNED, 4L * group++));
      for (int at = from; at < to; at += Strip.ELEMENTS) {
        int length = Math.min(Strip.ELEMENTS, to - at);
        Strip.load(parts[0], at, codes, length);
        for (int i = 0; i < length; i++) {
          values[i] = codes[i] * step;
        }
        Strip.store(values, length, target, targetOffset + 4L * at);
      }
    }
  }
}
