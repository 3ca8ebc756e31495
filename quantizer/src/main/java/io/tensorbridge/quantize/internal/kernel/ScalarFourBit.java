package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The reference for {@link FourBitCode}: two codes in a byte, the first in the high nibble, and the
 * greatest magnitude of each block as float32.
 */
final class ScalarFourBit implements GroupKernel {
  private static final int RANKS = 16;

  private final int[] thresholdKeys = new int[RANKS - 1];
  private final byte[] codeOfRank;
  private final boolean isOrdered;
  private final byte codeOfZero;
  private final float[] pairs = new float[512];

  ScalarFourBit(FourBitCode code) {
    this.codeOfRank = code.codeOfRank();
    this.isOrdered = code.isOrdered();
    float[] thresholds = code.thresholds();
    for (int i = 0; i < thresholds.length; i++) {
      thresholdKeys[i] = ValueRange.key(Float.floatToRawIntBits(thresholds[i]));
    }
    this.codeOfZero = codeOfRank[7];
    float[] values = code.valueOfCode();
    for (int i = 0; i < 256; i++) {
      pairs[2 * i] = values[i >> 4];
      pairs[2 * i + 1] = values[i & 15];
    }
  }

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int elements,
      MemorySegment[] parts) {
    Work work = new Work();
    int full = elements / groupElements * groupElements;
    int magnitude = 0;
    int span = Strip.wholeGroups(groupElements);
    for (int from = 0; from < full; from += span) {
      int to = Math.min(from + span, full);
      for (int group = from; group < to; group += groupElements) {
        int greatest = work.magnitude(source, sourceOffset + 4L * group, groupElements);
        float amax = Float.intBitsToFloat(greatest);
        parts[1].set(JAVA_FLOAT_UNALIGNED, (long) group / groupElements * Float.BYTES, amax);
        magnitude = Math.max(magnitude, greatest);
      }
      for (int strip = from; strip < to; strip += Strip.ELEMENTS) {
        int length = Math.min(Strip.ELEMENTS, to - strip);
        Strip.load(source, sourceOffset + 4L * strip, work.values, length);
        int run = Math.min(groupElements, length);
        for (int at = strip; at < strip + length; at += run) {
          float amax =
              parts[1].get(JAVA_FLOAT_UNALIGNED, (long) at / groupElements * Float.BYTES);
          float factor = 1f / FourBitCode.divisor(amax);
          Arrays.fill(work.factors, at - strip, at - strip + run, factor);
        }
        multiply(work.values, work.factors, length);
        encode(work, length, parts[0], strip / 2);
      }
    }
    if (full < elements) {
      int greatest =
          quantizeShort(source, sourceOffset, full, elements, groupElements, parts, work);
      magnitude = Math.max(magnitude, greatest);
    }
    return magnitude;
  }

  private int quantizeShort(
      MemorySegment source,
      long sourceOffset,
      int from,
      int to,
      int groupElements,
      MemorySegment[] parts,
      Work work) {
    int greatest = work.magnitude(source, sourceOffset + 4L * from, to - from);
    float divisor = FourBitCode.divisor(Float.intBitsToFloat(greatest));
    parts[1].set(JAVA_FLOAT_UNALIGNED, (long) from / groupElements * Float.BYTES, divisor);
    for (int at = from; at < to; at += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, to - at);
      Strip.load(source, sourceOffset + 4L * at, work.values, length);
      for (int i = 0; i < length; i++) {
        work.values[i] /= divisor;
      }
      encode(work, length, parts[0], at / 2);
    }
    return greatest;
  }

  private static void multiply(float[] values, float[] factors, int count) {
    for (int i = 0; i < count; i++) {
      values[i] *= factors[i];
    }
  }

  /** Counts the thresholds that are less, as integers: a comparison is the sign of a difference. */
  private void encode(Work work, int count, MemorySegment target, long targetOffset) {
    Strip.copyBits(work.values, work.bits, count);
    Arrays.fill(work.ranks, 0, count, 0);
    for (int i = 0; i < count; i++) {
      int bits = work.bits[i];
      work.bits[i] = ValueRange.key(bits);
    }
    for (int i = 0; i < RANKS - 1; i += 5) {
      countLess(work.bits, work.ranks, count, i);
    }
    for (int i = 0; i < count; i++) {
      work.codes[i] = (byte) work.ranks[i];
    }
    if (!isOrdered) {
      for (int i = 0; i < count; i++) {
        work.codes[i] = codeOfRank[work.codes[i]];
      }
    }
    work.codes[count] = codeOfZero;
    ScalarNibbles.packHighFirst(work.codes, count, work.packed);
    Strip.store(work.packed, ScalarNibbles.byteLength(count), target, targetOffset);
  }

  private void countLess(int[] keys, int[] ranks, int count, int first) {
    int a = thresholdKeys[first];
    int b = thresholdKeys[first + 1];
    int c = thresholdKeys[first + 2];
    int d = thresholdKeys[first + 3];
    int e = thresholdKeys[first + 4];
    for (int i = 0; i < count; i++) {
      int key = keys[i];
      ranks[i] +=
          ((a - key) >>> 31) + ((b - key) >>> 31) + ((c - key) >>> 31) + ((d - key) >>> 31)
              + ((e - key) >>> 31);
    }
  }

  /** Arrays of a call. */
  private static final class Work {
    final int[] bits = new int[Strip.ELEMENTS];
    final int[] ranks = new int[Strip.ELEMENTS];
    final float[] values = new float[Strip.ELEMENTS];
    final float[] factors = new float[Strip.ELEMENTS];
    final byte[] codes = new byte[Strip.ELEMENTS + 1];
    final byte[] packed = new byte[Strip.ELEMENTS / 2];

    int magnitude(MemorySegment source, long offset, int count) {
      int greatest = 0;
      for (int at = 0; at < count; at += Strip.ELEMENTS) {
        int length = Math.min(Strip.ELEMENTS, count - at);
        Strip.load(source, offset + 4L * at, bits, length);
        greatest = Math.max(greatest, Strip.magnitude(bits, length));
      }
      return greatest;
    }
  }

  @Override
  public void dequantize(
      MemorySegment[] parts,
      int groupElements,
      int elements,
      MemorySegment target,
      long targetOffset) {
    byte[] packed = new byte[Strip.ELEMENTS / 2];
    float[] values = new float[Strip.ELEMENTS];
    for (int from = 0; from < elements; from += groupElements) {
      int to = Math.min(from + groupElements, elements);
      float scale = parts[1].get(JAVA_FLOAT_UNALIGNED, (long) from / groupElements * Float.BYTES);
      for (int at = from; at < to; at += Strip.ELEMENTS) {
        int length = Math.min(Strip.ELEMENTS, to - at);
        int bytes = ScalarNibbles.byteLength(length);
        Strip.load(parts[0], at / 2, packed, bytes);
        for (int i = 0; i < bytes; i++) {
          int pair = 2 * (packed[i] & 255);
          values[2 * i] = pairs[pair] * scale;
          values[2 * i + 1] = pairs[pair + 1] * scale;
        }
        Strip.store(values, length, target, targetOffset + 4L * at);
      }
    }
  }
}
