package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Mxfp4Layout.BYTES;
import static io.tensorbridge.quantize.internal.kernel.Mxfp4Layout.CODES;
import static io.tensorbridge.quantize.internal.kernel.Mxfp4Layout.ELEMENTS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The reference for {@link Mxfp4Layout}, a strip at a time: scales of all blocks, then all codes in
 * loops that the compiler vectorizes, then the nibbles.
 */
final class ScalarMxfp4 implements BlockKernel {
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
    int[] scaledBits = new int[Strip.ELEMENTS];
    float[] inverses = new float[Strip.ELEMENTS];
    int[] maxCodes = new int[Strip.ELEMENTS];
    byte[] nibbles = new byte[Nibbles.BYTES];
    int magnitude = 0;
    for (int done = 0; done < blocks; done += STRIP_BLOCKS) {
      int count = Math.min(STRIP_BLOCKS, blocks - done);
      int elements = count * ELEMENTS;
      long targetStart = targetOffset + (long) done * BYTES;
      Strip.load(source, sourceOffset + 4L * done * ELEMENTS, values, elements);
      Strip.load(source, sourceOffset + 4L * done * ELEMENTS, rawBits, elements);
      for (int block = 0; block < count; block++) {
        int from = block * ELEMENTS;
        int greatest = Magnitudes.of(rawBits, from);
        int exponent = Mxfp4Layout.exponent(greatest);
        target.set(JAVA_BYTE, targetStart + (long) block * BYTES, (byte) exponent);
        Arrays.fill(inverses, from, from + ELEMENTS, Mxfp4Layout.inverse(exponent));
        Arrays.fill(maxCodes, from, from + ELEMENTS, Mxfp4Layout.maxCode(exponent));
        magnitude = Math.max(magnitude, greatest);
      }
      scale(values, inverses, elements);
      Strip.copyBits(values, scaledBits, elements);
      code(scaledBits, rawBits, maxCodes, elements);
      for (int block = 0; block < count; block++) {
        Nibbles.pack(rawBits, block * ELEMENTS, nibbles);
        Strip.store(
            nibbles, Nibbles.BYTES, target, targetStart + (long) block * BYTES + CODES);
      }
    }
    return magnitude;
  }

  private static void scale(float[] values, float[] inverses, int count) {
    for (int i = 0; i < count; i++) {
      values[i] = Math.abs(values[i] * inverses[i]);
    }
  }

  /** Puts codes in the place of the raw bits. */
  private static void code(int[] scaledBits, int[] rawBits, int[] maxCodes, int count) {
    for (int i = 0; i < count; i++) {
      int code = Math.min(maxCodes[i], E2m1.magnitudeCode(scaledBits[i]));
      rawBits[i] = E2m1.signed(code, rawBits[i]);
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
      float scale = Mxfp4Layout.halfScale(Byte.toUnsignedInt(source.get(JAVA_BYTE, from)));
      Strip.load(source, from + CODES, nibbles, Nibbles.BYTES);
      for (int j = 0; j < Nibbles.BYTES; j++) {
        values[j] = E2m1.doubled(Nibbles.low(nibbles[j])) * scale;
        values[Nibbles.BYTES + j] = E2m1.doubled(Nibbles.high(nibbles[j])) * scale;
      }
      Strip.store(values, ELEMENTS, target, targetOffset + 4L * block * ELEMENTS);
    }
  }
}
