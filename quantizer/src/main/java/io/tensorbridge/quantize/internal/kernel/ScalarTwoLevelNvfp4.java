package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.TwoLevelScale.GROUP;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * NVFP4 with two levels of scales, a strip at a time; the reference. Part 0 holds two neighbours in a
 * byte, the first one in its low half; part 1 an E4M3 scale for each group, part 2 the float32 scale
 * of the tensor.
 */
final class ScalarTwoLevelNvfp4 implements GroupKernel {
  private final float[] table = SmallFloat.E2M1.table();

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int elements,
      MemorySegment[] parts) {
    float tensorScale = parts[2].get(JAVA_FLOAT_UNALIGNED, 0);
    SmallFloatStrip strip = new SmallFloatStrip(SmallFloat.E2M1, SmallFloat.E2M1.maxBits, elements);
    int[] bits = new int[Strip.ELEMENTS];
    float[] factors = new float[Strip.ELEMENTS];
    byte[] scales = new byte[Strip.ELEMENTS / GROUP];
    int greatest = 0;
    for (int done = 0; done < elements; done += Strip.ELEMENTS) {
      int count = Math.min(Strip.ELEMENTS, elements - done);
      Strip.load(source, sourceOffset + 4L * done, bits, count);
      for (int at = 0; at < count; at += GROUP) {
        int magnitude = magnitude(bits, at);
        int scale = TwoLevelScale.ofGroup(magnitude, tensorScale);
        scales[at / GROUP] = (byte) scale;
        Arrays.fill(factors, at, at + GROUP, TwoLevelScale.factor(scale, tensorScale));
        greatest = Math.max(greatest, magnitude);
      }
      Strip.load(source, sourceOffset + 4L * done, strip.values, count);
      for (int i = 0; i < count; i++) {
        strip.values[i] *= factors[i];
      }
      strip.encode(count);
      PackedNibbles.pack(strip.codes, count);
      Strip.store(strip.codes, count / 2, parts[0], done / 2);
      Strip.store(scales, count / GROUP, parts[1], done / GROUP);
    }
    return greatest;
  }

  private static int magnitude(int[] bits, int from) {
    int greatest = 0;
    for (int i = from; i < from + GROUP; i++) {
      greatest = Math.max(greatest, bits[i] & 0x7fffffff);
    }
    return greatest;
  }

  @Override
  public void dequantize(
      MemorySegment[] parts,
      int groupElements,
      int elements,
      MemorySegment target,
      long targetOffset) {
    float tensorScale = parts[2].get(JAVA_FLOAT_UNALIGNED, 0);
    byte[] codes = new byte[Strip.ELEMENTS];
    float[] values = new float[Strip.ELEMENTS];
    for (int done = 0; done < elements; done += Strip.ELEMENTS) {
      int count = Math.min(Strip.ELEMENTS, elements - done);
      Strip.load(parts[0], done / 2, codes, count / 2);
      PackedNibbles.unpack(codes, count);
      for (int at = 0; at < count; at += GROUP) {
        int code = parts[1].get(JAVA_BYTE, (done + at) / GROUP);
        float scale = TwoLevelScale.value(code, tensorScale);
        for (int i = at; i < at + GROUP; i++) {
          values[i] = table[codes[i]] * scale;
        }
      }
      Strip.store(values, count, target, targetOffset + 4L * done);
    }
  }
}
