package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.ScalarMxFloat.GROUP;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * OCP MXINT8, a strip at a time; the reference. Groups of 32 share an exponent. Part 0 holds signed
 * bytes with 6 bits behind the point, part 1 a biased exponent for each group.
 *
 * <p>The rule of microxcaling ({@code _quantize_mx}, {@code int8}, rounding "nearest"): {@code
 * clamp(trunc(abs(x) / 2^e * 64 + 0.5), 127)} in float32, with the sign of {@code x}.
 */
final class ScalarMxInt8 implements GroupKernel {
  /** What 1 is in a code. */
  static final float ONE = 64;

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int elements,
      MemorySegment[] parts) {
    int[] bits = new int[Strip.ELEMENTS];
    float[] values = new float[Strip.ELEMENTS];
    float[] factors = new float[Strip.ELEMENTS];
    int[] codes = new int[Strip.ELEMENTS];
    byte[] bytes = new byte[Strip.ELEMENTS];
    byte[] exponents = new byte[Strip.ELEMENTS / GROUP];
    int greatest = 0;
    for (int done = 0; done < elements; done += Strip.ELEMENTS) {
      int count = Math.min(Strip.ELEMENTS, elements - done);
      Strip.load(source, sourceOffset + 4L * done, bits, count);
      Strip.load(source, sourceOffset + 4L * done, values, count);
      for (int at = 0; at < count; at += GROUP) {
        int magnitude = Magnitudes.of(bits, at);
        int exponent = ExponentRounding.biasedOfBytes(magnitude);
        exponents[at / GROUP] = (byte) exponent;
        Arrays.fill(factors, at, at + GROUP, ExponentRounding.reciprocal(exponent));
        greatest = Math.max(greatest, magnitude);
      }
      round(values, bits, factors, codes, count);
      for (int i = 0; i < count; i++) {
        bytes[i] = (byte) codes[i];
      }
      Strip.store(bytes, count, parts[0], done);
      Strip.store(exponents, count / GROUP, parts[1], done / GROUP);
    }
    return greatest;
  }

  private static void round(float[] values, int[] bits, float[] factors, int[] codes, int count) {
    for (int i = 0; i < count; i++) {
      int magnitude = (int) Math.min(Math.abs(values[i]) * factors[i] * ONE + 0.5f, 127f);
      int sign = bits[i] >> 31;
      codes[i] = (magnitude ^ sign) - sign;
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
      Strip.load(parts[0], done, codes, count);
      for (int at = 0; at < count; at += GROUP) {
        int exponent = parts[1].get(JAVA_BYTE, (done + at) / GROUP) & 0xff;
        float scale = ExponentRounding.value(exponent);
        for (int i = at; i < at + GROUP; i++) {
          values[i] = codes[i] / ONE * scale;
        }
      }
      Strip.store(values, count, target, targetOffset + 4L * done);
    }
  }
}
