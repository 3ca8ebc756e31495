package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/** The reference for {@link Int8Rule}, a strip at a time. */
final class ScalarInt8 implements GroupKernel {
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
      float scale = rule.scale(Float.intBitsToFloat(greatest));
      float operand = rule.operand(scale);
      for (int at = from; at < to; at += Strip.ELEMENTS) {
        int length = Math.min(Strip.ELEMENTS, to - at);
        Strip.load(source, sourceOffset + 4L * at, values, length);
        if (rule.isDividing()) {
          divide(values, operand, codes, length);
        } else {
          multiply(values, operand, codes, length);
        }
        Strip.store(codes, length, parts[0], at);
      }
      parts[1].set(JAVA_FLOAT_UNALIGNED, 4L * group++, scale);
      magnitude = Math.max(magnitude, greatest);
    }
    return magnitude;
  }

  private static void multiply(float[] values, float factor, byte[] codes, int count) {
    for (int i = 0; i < count; i++) {
      codes[i] = Int8Rule.code(values[i] * factor);
    }
  }

  private static void divide(float[] values, float divisor, byte[] codes, int count) {
    for (int i = 0; i < count; i++) {
      codes[i] = Int8Rule.code(values[i] / divisor);
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
    float unit = rule.unit();
    int group = 0;
    for (int from = 0; from < elements; from += groupElements) {
      int to = Math.min(from + groupElements, elements);
      float scale = parts[1].get(JAVA_FLOAT_UNALIGNED, 4L * group++);
      for (int at = from; at < to; at += Strip.ELEMENTS) {
        int length = Math.min(Strip.ELEMENTS, to - at);
        Strip.load(parts[0], at, codes, length);
        for (int i = 0; i < length; i++) {
          values[i] = codes[i] * scale * unit;
        }
        Strip.store(values, length, target, targetOffset + 4L * at);
      }
    }
  }
}
