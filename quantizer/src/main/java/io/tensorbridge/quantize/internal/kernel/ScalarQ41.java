package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q41Layout.BYTES;
import static io.tensorbridge.quantize.internal.kernel.Q41Layout.CODES;
import static io.tensorbridge.quantize.internal.kernel.Q41Layout.ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.Q41Layout.MINIMUM;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The reference for {@link Q41Layout}, a strip at a time: ranges of all blocks, then all codes in one
 * loop that the compiler vectorizes, then their bits.
 */
final class ScalarQ41 implements BlockKernel {
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
    float[] lows = new float[Strip.ELEMENTS];
    float[] inverses = new float[Strip.ELEMENTS];
    byte[] nibbles = new byte[Nibbles.BYTES];
    int magnitude = 0;
    for (int done = 0; done < blocks; done += STRIP_BLOCKS) {
      int count = Math.min(STRIP_BLOCKS, blocks - done);
      long targetStart = targetOffset + (long) done * BYTES;
      Strip.load(source, sourceOffset + 4L * done * ELEMENTS, values, count * ELEMENTS);
      Strip.load(source, sourceOffset + 4L * done * ELEMENTS, rawBits, count * ELEMENTS);
      for (int block = 0; block < count; block++) {
        int from = block * ELEMENTS;
        long to = targetStart + (long) block * BYTES;
        long range = Ranges.of(rawBits, from);
        float low = ValueRange.low(range);
        float scale = Q41Layout.scale(low, ValueRange.high(range));
        float minimum = low == 0 ? Magnitudes.firstOf(rawBits, from, 0) : low;
        target.set(Q41Layout.SCALE, to, Float.floatToFloat16(scale));
        target.set(Q41Layout.SCALE, to + MINIMUM, Float.floatToFloat16(minimum));
        Arrays.fill(lows, from, from + ELEMENTS, low);
        Arrays.fill(inverses, from, from + ELEMENTS, Q41Layout.inverse(scale));
        magnitude = Math.max(magnitude, Ranges.magnitude(range));
      }
      round(values, lows, inverses, codes, count * ELEMENTS);
      for (int block = 0; block < count; block++) {
        Nibbles.pack(codes, block * ELEMENTS, nibbles);
        Strip.store(
            nibbles, Nibbles.BYTES, target, targetStart + (long) block * BYTES + CODES);
      }
    }
    return magnitude;
  }

  private static void round(
      float[] values, float[] lows, float[] inverses, int[] codes, int count) {
    for (int i = 0; i < count; i++) {
      int code = (int) ((values[i] - lows[i]) * inverses[i] + 0.5f);
      codes[i] = Math.min(Q41Layout.MAX_CODE, code);
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
      float scale = Float.float16ToFloat(source.get(Q41Layout.SCALE, from));
      float minimum = Float.float16ToFloat(source.get(Q41Layout.SCALE, from + MINIMUM));
      Strip.load(source, from + CODES, nibbles, Nibbles.BYTES);
      for (int j = 0; j < Nibbles.BYTES; j++) {
        values[j] = Nibbles.low(nibbles[j]) * scale + minimum;
        values[Nibbles.BYTES + j] = Nibbles.high(nibbles[j]) * scale + minimum;
      }
      Strip.store(values, ELEMENTS, target, targetOffset + 4L * block * ELEMENTS);
    }
  }
}
