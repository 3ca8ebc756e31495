package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/** The reference of {@link WeightedSumKernel}, by strips, for float32 and the formats of two bytes. */
final class ScalarWeightedSum implements WeightedSumKernel {
  private final BlockFormat format;

  /**
   * A kernel.
   *
   * @param format of terms and sums: {@code F32}, {@code F16} or {@code BF16}
   */
  ScalarWeightedSum(BlockFormat format) {
    this.format = format;
  }

  @Override
  public boolean sum(MemorySegment[] terms, float[] weights, MemorySegment target, int count) {
    return sum(terms, weights, target, 0, count);
  }

  /** Adds up from some element on: what a vector twin leaves. */
  boolean sum(
      MemorySegment[] terms, float[] weights, MemorySegment target, int first, int count) {
    int size = format.blockBytes();
    float[] sums = new float[Math.min(count - first, Strip.ELEMENTS)];
    float[] values = new float[sums.length];
    int[] bits = new int[sums.length];
    short[] halves = new short[sums.length];
    boolean finite = true;
    for (int done = first; done < count; done += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, count - done);
      long at = (long) size * done;
      load(terms[0], at, sums, halves, bits, length);
      multiply(sums, weights[0], length);
      for (int i = 1; i < terms.length; i++) {
        load(terms[i], at, values, halves, bits, length);
        addProducts(sums, values, weights[i], length);
      }
      finite &= store(sums, halves, bits, length, target, at);
    }
    return finite;
  }

  private void load(
      MemorySegment term, long offset, float[] values, short[] halves, int[] bits, int count) {
    if (format == BlockFormat.F32) {
      Strip.load(term, offset, values, count);
      return;
    }
    Strip.load(term, offset, halves, count);
    if (format == BlockFormat.F16) {
      ScalarF16.widen(halves, values, count);
    } else {
      ScalarBf16.widen(halves, bits, count);
      Strip.copyBits(bits, values, count);
    }
  }

  private static void multiply(float[] values, float weight, int count) {
    for (int i = 0; i < count; i++) {
      values[i] *= weight;
    }
  }

  private static void addProducts(float[] sums, float[] terms, float weight, int count) {
    for (int i = 0; i < count; i++) {
      sums[i] += weight * terms[i];
    }
  }

  private boolean store(
      float[] sums, short[] halves, int[] bits, int count, MemorySegment target, long offset) {
    Strip.copyBits(sums, bits, count);
    boolean finite = Strip.magnitude(bits, count) < overflow(format);
    if (format == BlockFormat.F32) {
      Strip.store(sums, count, target, offset);
      return finite;
    }
    if (format == BlockFormat.F16) {
      ScalarF16.round(sums, halves, count);
    } else {
      ScalarBf16.round(bits, halves, count);
    }
    Strip.store(halves, count, target, offset);
    return finite;
  }

  /** The raw float bits of the least magnitude that is rounded to infinity. */
  static int overflow(BlockFormat format) {
    if (format == BlockFormat.F16) {
      return Float.floatToRawIntBits(65520);
    }
    return format == BlockFormat.BF16 ? 0x7f7f8000 : 0x7f800000;
  }
}
