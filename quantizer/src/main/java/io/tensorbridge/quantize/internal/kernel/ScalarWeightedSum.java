package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/** The reference of {@link WeightedSumKernel}, by strips. */
final class ScalarWeightedSum implements WeightedSumKernel {
  @Override
  public int begin(
      MemorySegment sums,
      long sumsOffset,
      MemorySegment term,
      long termOffset,
      float weight,
      int count) {
    float[] values = new float[Math.min(count, Strip.ELEMENTS)];
    int[] bits = new int[values.length];
    int magnitude = 0;
    for (int done = 0; done < count; done += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, count - done);
      Strip.load(term, termOffset + 4L * done, values, length);
      multiply(values, weight, length);
      magnitude = Math.max(magnitude, store(values, bits, length, sums, sumsOffset + 4L * done));
    }
    return magnitude;
  }

  @Override
  public int add(
      MemorySegment sums,
      long sumsOffset,
      MemorySegment term,
      long termOffset,
      float weight,
      int count) {
    float[] values = new float[Math.min(count, Strip.ELEMENTS)];
    float[] terms = new float[values.length];
    int[] bits = new int[values.length];
    int magnitude = 0;
    for (int done = 0; done < count; done += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, count - done);
      Strip.load(sums, sumsOffset + 4L * done, values, length);
      Strip.load(term, termOffset + 4L * done, terms, length);
      addProducts(values, terms, weight, length);
      magnitude = Math.max(magnitude, store(values, bits, length, sums, sumsOffset + 4L * done));
    }
    return magnitude;
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

  private static int store(
      float[] values, int[] bits, int count, MemorySegment target, long offset) {
    Strip.copyBits(values, bits, count);
    Strip.store(values, count, target, offset);
    return Strip.magnitude(bits, count);
  }
}
