package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Nvfp4Layout.BYTES;
import static io.tensorbridge.quantize.internal.kernel.Nvfp4Layout.CODES;
import static io.tensorbridge.quantize.internal.kernel.Nvfp4Layout.ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.Nvfp4Layout.PARTS;
import static io.tensorbridge.quantize.internal.kernel.Nvfp4Layout.PART_ELEMENTS;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The reference for {@link Nvfp4Layout}, a block at a time. */
final class ScalarNvfp4 implements BlockKernel {
  private static final int HALF = PART_ELEMENTS / 2;

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    int[] rawBits = new int[ELEMENTS];
    byte[] bytes = new byte[BYTES];
    int magnitude = 0;
    for (int block = 0; block < blocks; block++) {
      Strip.load(source, sourceOffset + 4L * block * ELEMENTS, rawBits, ELEMENTS);
      for (int part = 0; part < PARTS; part++) {
        int greatest = quantizePart(rawBits, part, bytes);
        magnitude = Math.max(magnitude, greatest);
      }
      Strip.store(bytes, BYTES, target, targetOffset + (long) block * BYTES);
    }
    return magnitude;
  }

  private static int quantizePart(int[] rawBits, int part, byte[] bytes) {
    int from = part * PART_ELEMENTS;
    int greatest = greatest(rawBits, from);
    float magnitude = Float.intBitsToFloat(greatest);
    int scaleCode = Nvfp4Layout.scaleCode(magnitude);
    float halfScale = Nvfp4Layout.halfScale(scaleCode);
    bytes[part] = (byte) scaleCode;
    if (halfScale == 0) {
      Arrays.fill(rawBits, from, from + PART_ELEMENTS, 0);
    } else if (Nvfp4Layout.isExact(magnitude, halfScale)) {
      nearest(rawBits, from, halfScale);
    } else {
      first(rawBits, from, halfScale);
    }
    int to = CODES + part * HALF;
    for (int j = 0; j < HALF; j++) {
      bytes[to + j] = (byte) (rawBits[from + j] | (rawBits[from + HALF + j] << 4));
    }
    return greatest;
  }

  private static int greatest(int[] rawBits, int from) {
    int greatest = 0;
    for (int i = from; i < from + PART_ELEMENTS; i++) {
      greatest = Math.max(greatest, rawBits[i] & 0x7fffffff);
    }
    return greatest;
  }

  /** Puts the codes of the nearest values in the place of the raw bits. */
  private static void nearest(int[] rawBits, int from, float halfScale) {
    int limit0 = Float.floatToRawIntBits(E2m1.LIMIT_0 * halfScale);
    int limit1 = Float.floatToRawIntBits(E2m1.LIMIT_1 * halfScale);
    int limit2 = Float.floatToRawIntBits(E2m1.LIMIT_2 * halfScale);
    int limit3 = Float.floatToRawIntBits(E2m1.LIMIT_3 * halfScale);
    int limit4 = Float.floatToRawIntBits(E2m1.LIMIT_4 * halfScale);
    int limit5 = Float.floatToRawIntBits(E2m1.LIMIT_5 * halfScale);
    int limit6 = Float.floatToRawIntBits(E2m1.LIMIT_6 * halfScale);
    for (int i = from; i < from + PART_ELEMENTS; i++) {
      int bits = rawBits[i] & 0x7fffffff;
      int code =
          ((limit0 - bits) >>> 31)
              + ((limit1 - bits) >>> 31)
              + ((limit2 - bits) >>> 31)
              + ((limit3 - bits) >>> 31)
              + ((limit4 - bits) >>> 31)
              + ((limit5 - bits) >>> 31)
              + ((limit6 - bits) >>> 31);
      rawBits[i] = E2m1.signed(code, rawBits[i]);
    }
  }

  private static void first(int[] rawBits, int from, float halfScale) {
    for (int i = from; i < from + PART_ELEMENTS; i++) {
      rawBits[i] = Nvfp4Layout.code(Float.intBitsToFloat(rawBits[i]), halfScale);
    }
  }

  @Override
  public void dequantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    byte[] bytes = new byte[BYTES];
    float[] values = new float[ELEMENTS];
    for (int block = 0; block < blocks; block++) {
      Strip.load(source, sourceOffset + (long) block * BYTES, bytes, BYTES);
      for (int part = 0; part < PARTS; part++) {
        float scale = Nvfp4Layout.halfScale(Byte.toUnsignedInt(bytes[part]));
        int from = CODES + part * HALF;
        int to = part * PART_ELEMENTS;
        for (int j = 0; j < HALF; j++) {
          values[to + j] = E2m1.doubled(Nibbles.low(bytes[from + j])) * scale;
          values[to + HALF + j] = E2m1.doubled(Nibbles.high(bytes[from + j])) * scale;
        }
      }
      Strip.store(values, ELEMENTS, target, targetOffset + 4L * block * ELEMENTS);
    }
  }
}
