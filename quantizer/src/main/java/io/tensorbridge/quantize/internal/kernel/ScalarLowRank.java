package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The reference of {@link LowRankKernel}: a strip of columns, and all rows of the matrix over it. */
final class ScalarLowRank implements LowRankKernel {
  @Override
  public void add(
      MemorySegment values,
      long valuesOffset,
      int rows,
      int columns,
      MemorySegment factors,
      long factorsOffset,
      int rank,
      MemorySegment matrix,
      long matrixOffset,
      long stride) {
    float[] sums = new float[Math.min(columns, Strip.ELEMENTS)];
    float[] strip = new float[sums.length];
    for (int row = 0; row < rows; row++) {
      long rowOffset = valuesOffset + row * stride;
      long rowFactors = factorsOffset + 4L * row * rank;
      for (int done = 0; done < columns; done += Strip.ELEMENTS) {
        int length = Math.min(Strip.ELEMENTS, columns - done);
        long column = 4L * done;
        Arrays.fill(sums, 0);
        for (int r = 0; r < rank; r++) {
          float factor = factors.get(JAVA_FLOAT_UNALIGNED, rowFactors + 4L * r);
          Strip.load(matrix, matrixOffset + r * stride + column, strip, length);
          addProducts(sums, factor, strip, length);
        }
        Strip.load(values, rowOffset + column, strip, length);
        addSums(strip, sums, length);
        Strip.store(strip, length, values, rowOffset + column);
      }
    }
  }

  private static void addProducts(float[] sums, float factor, float[] strip, int count) {
    for (int i = 0; i < count; i++) {
      sums[i] += factor * strip[i];
    }
  }

  private static void addSums(float[] values, float[] sums, int count) {
    for (int i = 0; i < count; i++) {
      values[i] += sums[i];
    }
  }
}
