package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q50Layout.BYTES;
import static io.tensorbridge.quantize.internal.kernel.Q50Layout.CODES;
import static io.tensorbridge.quantize.internal.kernel.Q50Layout.ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.Q50Layout.FIFTH_BITS;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The reference for {@link Q50Layout}, a strip at a time: scales of all blocks, then all codes in one
 * loop that the compiler vectorizes, then their bits.
 */
final class ScalarQ50 implements BlockKernel {
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
        float scale = Q50Layout.scale(Magnitudes.firstOf(rawBits, from, greatest));
        float inverse = Q50Layout.inverse(scale);
        target.set(Q50Layout.SCALE, targetStart + (long) block * BYTES,
            Float.floatToFloat16(scale));
        Arrays.fill(inverses, from, from + ELEMENTS, inverse);
        Arrays.fill(biases, from, from + ELEMENTS, Q50Layout.bias(scale, inverse));
        magnitude = Math.max(magnitude, greatest);
      }
      round(values, inverses, biases, codes, count * ELEMENTS);
      for (int block = 0; block < count; block++) {
        long to = targetStart + (long) block * BYTES;
        int bits = Nibbles.fifthBits(codes, block * ELEMENTS);
        target.set(Q50Layout.BITS, to + FIFTH_BITS, bits);
        Nibbles.pack(codes, block * ELEMENTS, nibbles);
        Strip.store(nibbles, Nibbles.BYTES, target, to + CODES);
      }
    }
    return magnitude;
  }

  private static void round(
      float[] values, float[] inverses, float[] biases, int[] codes, int count) {
    for (int i = 0; i < count; i++) {
      codes[i] = Math.min(Q50Layout.MAX_CODE, (int) (values[i] * inverses[i] + biases[i]));
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
      float scale = Float.float16ToFloat(source.get(Q50Layout.SCALE, from));
      int bits = source.get(Q50Layout.BITS, from + FIFTH_BITS);
      Strip.load(source, from + CODES, nibbles, Nibbles.BYTES);
      for (int j = 0; j < Nibbles.BYTES; j++) {
        int low = Nibbles.low(nibbles[j]) | Nibbles.fifthBit(bits, j);
        int high = Nibbles.high(nibbles[j]) | Nibbles.fifthBit(bits, Nibbles.BYTES + j);
        values[j] = (low - 16) * scale;
        values[Nibbles.BYTES + j] = (high - 16) * scale;
      }
      Strip.store(values, ELEMENTS, target, targetOffset + 4L * block * ELEMENTS);
    }
  }
}
