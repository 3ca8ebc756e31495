package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The reference for {@link UniformKernel}, a strip at a time. */
final class ScalarUniform implements UniformKernel {
  /** Added to a float of at most 2^22 and taken away, it leaves the nearest integer, half to even. */
  private static final float MAGIC = 12582912f;

  @Override
  public long range(MemorySegment source, long sourceOffset, int count) {
    int[] keys = new int[Math.min(count, Strip.ELEMENTS)];
    long range = ValueRange.EMPTY;
    for (int done = 0; done < count; done += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, count - done);
      loadKeys(source, sourceOffset + 4L * done, keys, length);
      range = ValueRange.join(range, range(keys, 0, length));
    }
    return range;
  }

  private static void loadKeys(MemorySegment source, long offset, int[] keys, int count) {
    Strip.load(source, offset, keys, count);
    for (int i = 0; i < count; i++) {
      keys[i] ^= (keys[i] >> 31) & 0x7fffffff;
    }
  }

  private static long range(int[] keys, int from, int to) {
    int low = Integer.MAX_VALUE;
    int high = Integer.MIN_VALUE;
    for (int i = from; i < to; i++) {
      low = Math.min(low, keys[i]);
      high = Math.max(high, keys[i]);
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
    Coder coder = new Coder(Math.min(count, Strip.ELEMENTS), maxCode);
    coder.use(0, coder.capacity(), scale, zeroPoint);
    for (int done = 0; done < count; done += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, count - done);
      coder.code(source, sourceOffset + 4L * done, length, codes, codesOffset + done);
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
    int stripGroups = Math.max(1, Strip.ELEMENTS / groupElements);
    Coder coder = new Coder(Math.min(Strip.ELEMENTS, stripGroups * groupElements), maxCode);
    int[] keys = new int[coder.capacity()];
    for (int done = 0; done < groups; done += stripGroups) {
      int count = Math.min(stripGroups, groups - done);
      long at = (long) done * groupElements;
      long from = sourceOffset + 4 * at;
      long to = codesOffset + at;
      boolean inStrip = groupElements <= Strip.ELEMENTS;
      if (inStrip) {
        loadKeys(source, from, keys, count * groupElements);
      }
      for (int i = 0; i < count; i++) {
        int first = i * groupElements;
        long range = inStrip
            ? range(keys, first, first + groupElements)
            : range(source, from, groupElements);
        float low = ValueRange.low(range);
        float scale = rule.scale(low, ValueRange.high(range));
        float zeroPoint = rule.zeroPoint(low, scale);
        parameters.set(firstGroup + done + i, scale, zeroPoint);
        all = ValueRange.join(all, range);
        if (inStrip) {
          coder.use(first, first + groupElements, scale, zeroPoint);
        } else {
          codes(source, from, groupElements, scale, zeroPoint, maxCode, codes, to);
        }
      }
      if (inStrip) {
        coder.code(source, from, count * groupElements, codes, to);
      }
    }
    return all;
  }

  /** Turns strips of values into codes; each element has its own scale, so that one loop does. */
  private static final class Coder {
    private final int maxCode;
    private final float[] values;
    private final float[] scales;
    private final float[] zeroPoints;
    private final int[] wide;
    private final byte[] narrow;

    Coder(int capacity, int maxCode) {
      this.maxCode = maxCode;
      values = new float[capacity];
      scales = new float[capacity];
      zeroPoints = new float[capacity];
      wide = new int[capacity];
      narrow = new byte[capacity];
    }

    int capacity() {
      return values.length;
    }

    void use(int from, int to, float scale, float zeroPoint) {
      Arrays.fill(scales, from, to, scale);
      Arrays.fill(zeroPoints, from, to, zeroPoint);
    }

    void code(MemorySegment source, long from, int count, MemorySegment codes, long to) {
      Strip.load(source, from, values, count);
      round(values, scales, zeroPoints, maxCode, wide, count);
      for (int i = 0; i < count; i++) {
        narrow[i] = (byte) wide[i];
      }
      Strip.store(narrow, count, codes, to);
    }

    private static void round(
        float[] values, float[] scales, float[] zeroPoints, int maxCode, int[] codes, int count) {
      for (int i = 0; i < count; i++) {
        float code = values[i] / scales[i] + zeroPoints[i];
        int nearest = (int) (code + MAGIC - MAGIC);
        codes[i] = Math.max(0, Math.min(nearest, maxCode));
      }
    }
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
