package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * OCP microscaling with floats as elements, a strip at a time; the reference. Groups of 32 share an
 * exponent. Part 0 holds bytes, or two neighbours in a byte, the first one in its low half; part 1 a
 * biased exponent for each group.
 *
 * <p>The rule of torchao 0.18 ({@code to_mx}): a value is divided by the power of two, clamped to the
 * greatest value of the type and rounded half to even.
 */
final class ScalarMxFloat implements GroupKernel {
  /** Elements that share an exponent. */
  static final int GROUP = 32;

  private final SmallFloat type;
  private final ExponentRounding rounding;
  private final float[] table;

  ScalarMxFloat(SmallFloat type, ExponentRounding rounding) {
    this.type = type;
    this.rounding = rounding;
    this.table = type.table();
  }

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int elements,
      MemorySegment[] parts) {
    SmallFloatStrip strip = new SmallFloatStrip(type, type.maxBits, elements);
    int[] bits = new int[Strip.ELEMENTS];
    float[] factors = new float[Strip.ELEMENTS];
    byte[] exponents = new byte[Strip.ELEMENTS / GROUP];
    int greatest = 0;
    for (int done = 0; done < elements; done += Strip.ELEMENTS) {
      int count = Math.min(Strip.ELEMENTS, elements - done);
      Strip.load(source, sourceOffset + 4L * done, bits, count);
      for (int at = 0; at < count; at += GROUP) {
        int magnitude = Magnitudes.of(bits, at);
        int exponent = rounding.biased(magnitude, type);
        exponents[at / GROUP] = (byte) exponent;
        Arrays.fill(factors, at, at + GROUP, rounding.factor(exponent));
        greatest = Math.max(greatest, magnitude);
      }
      Strip.load(source, sourceOffset + 4L * done, strip.values, count);
      scale(strip.values, factors, count);
      strip.encode(count);
      store(strip.codes, count, parts[0], done);
      Strip.store(exponents, count / GROUP, parts[1], done / GROUP);
    }
    return greatest;
  }

  private static void scale(float[] values, float[] factors, int count) {
    for (int i = 0; i < count; i++) {
      values[i] *= factors[i];
    }
  }

  private void store(byte[] codes, int count, MemorySegment target, int first) {
    if (type == SmallFloat.E2M1) {
      PackedNibbles.pack(codes, count);
      Strip.store(codes, count / 2, target, first / 2);
    } else {
      Strip.store(codes, count, target, first);
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
    for (int done = 0; done < elements; done += Strip.ELEMENTS) {
      int count = Math.min(Strip.ELEMENTS, elements - done);
      if (type == SmallFloat.E2M1) {
        Strip.load(parts[0], done / 2, codes, count / 2);
        PackedNibbles.unpack(codes, count);
      } else {
        Strip.load(parts[0], done, codes, count);
      }
      for (int at = 0; at < count; at += GROUP) {
        int exponent = parts[1].get(JAVA_BYTE, (done + at) / GROUP) & 0xff;
        float scale = ExponentRounding.value(exponent);
        for (int i = at; i < at + GROUP; i++) {
          values[i] = table[codes[i] & 0xff] * scale;
        }
      }
      Strip.store(values, count, target, targetOffset + 4L * done);
    }
  }
}
