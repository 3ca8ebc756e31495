package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q40Layout.BYTES;
import static io.tensorbridge.quantize.internal.kernel.Q40Layout.CODES;
import static io.tensorbridge.quantize.internal.kernel.Q40Layout.ELEMENTS;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The reference for {@link Q40Layout}, a strip at a time: scales of all blocks, then all codes in one
 * loop that the compiler vectorizes, then the nibbles.
 */
final class ScalarQ40 implements BlockKernel {
  private static final int STRIP_BLOCKS = Strip.ELEMENTS / ELEMENTS;

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    float[] values = new float[Strip.ELEMENTS];
    int[] rawBits = new int[Strip.ELEMENTS];
    int[] codes = new int[Strip.ELEMENTS];
    float[] inverses = new float[Strip.ELEMENTS];
    float[] biases = new float[Strip.ELEMENTS];
    byte[] nibbles = new byte[Nibbles.BYTES];
    int magnitude = 0;
    for (int done = 0; done < blocks; done += STRIP_BLOCKS) {
      int count = Math.min(STRIP_BLOCKS, blocks - done);
      long targetStart = targetOffset + (long) done * BYTES;
      Strip.load(source, sourceOffset + 4L * done * ELEMENTS, values, count * ELEMENTS);
      Strip.load(source, sourceOffset + 4L * done * ELEMENTS, rawBits, count * ELEMENTS);
      for (int block = 0; block < count; block++) {
        int from = block * ELEMENTS;
        int greatest = Magnitudes.of(rawBits, from);
        float scale = Q40Layout.scale(Magnitudes.firstOf(rawBits, from, greatest));
        float inverse = Q40Layout.inverse(scale);
        target.set(Q40Layout.SCALE, targetStart + (long) block * BYTES,
            Float.floatToFloat16(scale));
        Arrays.fill(inverses, from, from + ELEMENTS, inverse);
        Arrays.fill(biases, from, from + ELEMENTS, Q40Layout.bias(scale, inverse));
        magnitude = Math.max(magnitude, greatest);
      }
      round(values, inverses, biases, codes, count * ELEMENTS);
      for (int block = 0; block < count; block++) {
        Nibbles.pack(codes, block * ELEMENTS, nibbles);
        Strip.store(
            nibbles, Nibbles.BYTES, target, targetStart + (long) block * BYTES + CODES);
      }
    }
    return magnitude;
  }

  private static void round(
      float[] values, float[] inverses, float[] biases, int[] codes, int count) {
    for (int i = 0; i < count; i++) {
      codes[i] = Math.min(15, (int) (values[i] * inverses[i] + biases[i]));
    }
  }

  @Override
  public void dequantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    byte[] nibbles = new byte[Nibbles.BYTES];
    float[] values = new float[ELEMENTS];
    for (int block = 0; block < blocks; block++) {
      long from = sourceOffset + (long) block * BYTES;
      float scale = Float.float16ToFloat(source.get(Q40Layout.SCALE, from));
      Strip.load(source, from + CODES, nibbles, Nibbles.BYTES);
      for (int j = 0; j < Nibbles.BYTES; j++) {
        values[j] = (Nibbles.low(nibbles[j]) - 8) * scale;
        values[Nibbles.BYTES + j] = (Nibbles.high(nibbles[j]) - 8) * scale;
      }
      Strip.store(values, ELEMENTS, target, targetOffset + 4L * block * ELEMENTS);
    }
  }
}
