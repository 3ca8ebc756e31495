package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * Encodes strips of values as {@link SmallFloat}s in loops that the compiler vectorizes: it can't do
 * so where a loop turns floats into their bits, hence a copy does that.
 */
final class SmallFloatStrip {
  /** Added to a float of at most 2^22 and taken away, it leaves the nearest integer, half to even. */
  private static final float MAGIC = 12582912f;

  private final SmallFloat type;
  private final int limitBits;
  private final float perLeastUnit;
  private final int leastNormalCode;
  private final MemorySegment valueBytes;

  /** What is to be encoded. */
  final float[] values;

  /** A code for each value. */
  final byte[] codes;

  private final int[] bits;
  private final int[] wide;

  /**
   * A strip.
   *
   * @param limitBits of the magnitude to which values are clamped
   * @param elements how many will be encoded in all
   */
  SmallFloatStrip(SmallFloat type, int limitBits, int elements) {
    int capacity = Math.min(elements, Strip.ELEMENTS);
    this.values = new float[capacity];
    this.codes = new byte[capacity];
    this.bits = new int[capacity];
    this.wide = new int[capacity];
    this.type = type;
    this.limitBits = limitBits;
    this.leastNormalCode = 1 << (23 - type.mantissaShift);
    this.perLeastUnit = leastNormalCode / type.leastNormal;
    this.valueBytes = MemorySegment.ofArray(values);
  }

  /** Encodes the first values and finds the greatest magnitude of them, as raw bits. */
  int encode(int count) {
    MemorySegment.copy(valueBytes, JAVA_INT_UNALIGNED, 0, bits, 0, count);
    round(values, bits, wide, count);
    narrow(wide, codes, count);
    return Strip.magnitude(bits, count);
  }

  /**
   * The sum of two codes, of which one is that of the least normal value, which is taken away: the
   * one rounds normal values, in integers; the other one subnormal values, in floats.
   */
  private void round(float[] values, int[] bits, int[] codes, int count) {
    int shift = type.mantissaShift;
    int below = (1 << (shift - 1)) - 1;
    int offset = (type.leastNormalBits >> shift) - leastNormalCode;
    int signShift = type.signShift;
    int signBit = type.signBit;
    int limit = limitBits;
    int least = leastNormalCode;
    float scale = perLeastUnit;
    for (int i = 0; i < count; i++) {
      int magnitude = Math.min(bits[i] & 0x7fffffff, limit);
      int normal = ((magnitude + below + (magnitude >> shift & 1)) >> shift) - offset;
      int subnormal = (int) (Math.min(Math.abs(values[i]) * scale, least) + MAGIC - MAGIC);
      int sign = bits[i] >>> signShift & signBit;
      codes[i] = Math.max(normal, least) + subnormal - least | sign;
    }
  }

  private static void narrow(int[] wide, byte[] codes, int count) {
    for (int i = 0; i < count; i++) {
      codes[i] = (byte) wide[i];
    }
  }
}
