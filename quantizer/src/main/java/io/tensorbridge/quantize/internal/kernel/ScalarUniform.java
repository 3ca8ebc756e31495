package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The reference for {@link UniformKernel}, a strip at a time. */
final class ScalarUniform implements UniformKernel {
  /** Added to a float of at most 2^22, it leaves the nearest integer, half to even, in low bits. */
  private static final float MAGIC = 12582912f;

  private static final int MAGIC_BITS = 0x4b400000;

  @Override
  public long range(MemorySegment source, long sourceOffset, int count) {
    int[] bits = new int[Math.min(count, Strip.ELEMENTS)];
    long range = ValueRange.EMPTY;
    for (int done = 0; done < count; done += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, count - done);
      Strip.load(source, sourceOffset + 4L * done, bits, length);
      range = ValueRange.join(range, range(bits, length));
    }
    return range;
  }

  private static long range(int[] bits, int count) {
    int low = Integer.MAX_VALUE;
    int high = Integer.MIN_VALUE;
    for (int i = 0; i < count; i++) {
      int key = bits[i] ^ ((bits[i] >> 31) & 0x7fffffff);
      low = Math.min(low, key);
      high = Math.max(high, key);
    }
    return ValueRange.of(low, high);
  }

  @Override
  public void codes(
      MemorySegment source,
      long sourceOffset,
      int count,
      float scale,
      float zeroPoint,
      int maxCode,
      MemorySegment codes,
      long codesOffset) {
    int capacity = Math.min(count, Strip.ELEMENTS);
    float[] values = new float[capacity];
    int[] wide = new int[capacity];
    byte[] narrow = new byte[capacity];
    for (int done = 0; done < count; done += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, count - done);
      Strip.load(source, sourceOffset + 4L * done, values, length);
      round(values, wide, length, scale, zeroPoint, maxCode);
      for (int i = 0; i < length; i++) {
        narrow[i] = (byte) wide[i];
      }
      Strip.store(narrow, length, codes, codesOffset + done);
    }
  }

  private static void round(
      float[] values, int[] codes, int count, float scale, float zeroPoint, int maxCode) {
    for (int i = 0; i < count; i++) {
      float shifted = values[i] / scale + zeroPoint + MAGIC;
      int code = Float.floatToRawIntBits(shifted) - MAGIC_BITS;
      codes[i] = Math.max(0, Math.min(code, maxCode));
    }
  }

  @Override
  public long groups(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int groups,
      UniformRule rule,
      MemorySegment codes,
      long codesOffset,
      GroupParameters parameters,
      int firstGroup) {
    long all = ValueRange.EMPTY;
    int maxCode = rule.maxCode();
    for (int group = 0; group < groups; group++) {
      long at = (long) group * groupElements;
      long from = sourceOffset + 4 * at;
      long range = range(source, from, groupElements);
      float low = ValueRange.low(range);
      float scale = rule.scale(low, ValueRange.high(range));
      float zeroPoint = rule.zeroPoint(low, scale);
      codes(
          source, from, groupElements, scale, zeroPoint, maxCode, codes, codesOffset + at);
      parameters.set(firstGroup + group, scale, zeroPoint);
      all = ValueRange.join(all, range);
    }
    return all;
  }

  @Override
  public void pack(
      MemorySegment codes,
      long codesOffset,
      int count,
      int bits,
      MemorySegment target,
      long targetOffset) {
    byte[] wide = new byte[Strip.ELEMENTS + 4];
    byte[] packed = new byte[Strip.ELEMENTS];
    int perByte = 8 / bits;
    for (int done = 0; done < count; done += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, count - done);
      int bytes = (length + perByte - 1) / perByte;
      Strip.load(codes, codesOffset + done, wide, length);
      Arrays.fill(wide, length, length + 4, (byte) 0);
      switch (bits) {
        case 2 -> pack2(wide, packed, bytes);
        case 4 -> pack4(wide, packed, bytes);
        default -> System.arraycopy(wide, 0, packed, 0, bytes);
      }
      Strip.store(packed, bytes, target, targetOffset + done / perByte);
    }
  }

  private static void pack4(byte[] codes, byte[] packed, int bytes) {
    for (int i = 0; i < bytes; i++) {
      packed[i] = (byte) (codes[2 * i] | (codes[2 * i + 1] << 4));
    }
  }

  private static void pack2(byte[] codes, byte[] packed, int bytes) {
    for (int i = 0; i < bytes; i++) {
      int low = codes[4 * i] | (codes[4 * i + 1] << 2);
      int high = codes[4 * i + 2] | (codes[4 * i + 3] << 2);
      packed[i] = (byte) (low | (high << 4));
    }
  }

  @Override
  public void unpack(
      MemorySegment source,
      long sourceOffset,
      int count,
      int bits,
      MemorySegment codes,
      long codesOffset) {
    byte[] packed = new byte[Strip.ELEMENTS];
    byte[] wide = new byte[Strip.ELEMENTS];
    int perByte = 8 / bits;
    for (int done = 0; done < count; done += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, count - done);
      int bytes = (length + perByte - 1) / perByte;
      MemorySegment.copy(source, JAVA_BYTE, sourceOffset + done / perByte, packed, 0, bytes);
      switch (bits) {
        case 2 -> unpack2(packed, wide, bytes);
        case 4 -> unpack4(packed, wide, bytes);
        default -> System.arraycopy(packed, 0, wide, 0, bytes);
      }
      Strip.store(wide, length, codes, codesOffset + done);
    }
  }

  private static void unpack4(byte[] packed, byte[] codes, int bytes) {
    for (int i = 0; i < bytes; i++) {
      codes[2 * i] = (byte) (packed[i] & 15);
      codes[2 * i + 1] = (byte) ((packed[i] >> 4) & 15);
    }
  }

  private static void unpack2(byte[] packed, byte[] codes, int bytes) {
    for (int i = 0; i < bytes; i++) {
      codes[4 * i] = (byte) (packed[i] & 3);
      codes[4 * i + 1] = (byte) ((packed[i] >> 2) & 3);
      codes[4 * i + 2] = (byte) ((packed[i] >> 4) & 3);
      codes[4 * i + 3] = (byte) ((packed[i] >> 6) & 3);
    }
  }

  @Override
  public void values(
      MemorySegment codes,
      long codesOffset,
      int count,
      float scale,
      float zeroPoint,
      MemorySegment target,
      long targetOffset) {
    int capacity = Math.min(count, Strip.ELEMENTS);
    byte[] narrow = new byte[capacity];
    float[] values = new float[capacity];
    for (int done = 0; done < count; done += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, count - done);
      Strip.load(codes, codesOffset + done, narrow, length);
      for (int i = 0; i < length; i++) {
        values[i] = ((narrow[i] & 0xff) - zeroPoint) * scale;
      }
      Strip.store(values, length, target, targetOffset + 4L * done);
    }
  }
}
