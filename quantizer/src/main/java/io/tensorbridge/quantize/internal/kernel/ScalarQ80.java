package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q80Layout.BYTES;
import static io.tensorbridge.quantize.internal.kernel.Q80Layout.CODES;
import static io.tensorbridge.quantize.internal.kernel.Q80Layout.ELEMENTS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The reference for {@link Q80Layout}, a strip at a time: scales of all blocks, then all codes in one
 * loop that the compiler vectorizes.
 */
final class ScalarQ80 implements BlockKernel {
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
    byte[] bytes = new byte[Strip.ELEMENTS];
    float[] inverses = new float[Strip.ELEMENTS];
    int magnitude = 0;
    for (int done = 0; done < blocks; done += STRIP_BLOCKS) {
      int count = Math.min(STRIP_BLOCKS, blocks - done);
      long targetStart = targetOffset + (long) done * BYTES;
      Strip.load(source, sourceOffset + 4L * done * ELEMENTS, values, count * ELEMENTS);
      Strip.load(source, sourceOffset + 4L * done * ELEMENTS, rawBits, count * ELEMENTS);
      for (int block = 0; block < count; block++) {
        int greatest = Magnitudes.of(rawBits, block * ELEMENTS);
        float scale = Q80Layout.scale(greatest);
        target.set(Q80Layout.SCALE, targetStart + (long) block * BYTES,
            Float.floatToFloat16(scale));
        Arrays.fill(
            inverses, block * ELEMENTS, (block + 1) * ELEMENTS, Q80Layout.inverse(scale));
        magnitude = Math.max(magnitude, greatest);
      }
      round(values, rawBits, inverses, codes, count * ELEMENTS);
      narrow(codes, bytes, count * ELEMENTS);
      for (int block = 0; block < count; block++) {
        MemorySegment.copy(
            bytes,
            block * ELEMENTS,
            target,
            JAVA_BYTE,
            targetStart + (long) block * BYTES + CODES,
            ELEMENTS);
      }
    }
    return magnitude;
  }

  /**
   * C's {@code roundf}: truncation of the magnitude after adding the float just below one half. The
   * sign comes from the raw bits, since the compiler does not vectorize casts between the two.
   */
  private static void round(
      float[] values, int[] rawBits, float[] inverses, int[] codes, int count) {
    for (int i = 0; i < count; i++) {
      int magnitude = (int) (Math.abs(values[i] * inverses[i]) + 0x1.fffffep-2f);
      int sign = rawBits[i] >> 31;
      codes[i] = (magnitude ^ sign) - sign;
    }
  }

  private static void narrow(int[] codes, byte[] bytes, int count) {
    for (int i = 0; i < count; i++) {
      bytes[i] = (byte) codes[i];
    }
  }

  @Override
  public void dequantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    byte[] bytes = new byte[Strip.ELEMENTS];
    float[] scales = new float[Strip.ELEMENTS];
    float[] values = new float[Strip.ELEMENTS];
    for (int done = 0; done < blocks; done += STRIP_BLOCKS) {
      int count = Math.min(STRIP_BLOCKS, blocks - done);
      for (int block = 0; block < count; block++) {
        long from = sourceOffset + (long) (done + block) * BYTES;
        float scale = Float.float16ToFloat(source.get(Q80Layout.SCALE, from));
        Arrays.fill(scales, block * ELEMENTS, (block + 1) * ELEMENTS, scale);
        MemorySegment.copy(
            source,
            JAVA_BYTE,
            from + CODES,
            bytes,
            block * ELEMENTS,
            ELEMENTS);
      }
      for (int i = 0; i < count * ELEMENTS; i++) {
        values[i] = bytes[i] * scales[i];
      }
      Strip.store(
          values, count * ELEMENTS, target, targetOffset + 4L * done * ELEMENTS);
    }
  }
}
