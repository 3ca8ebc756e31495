package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** The vector twin of {@link ScalarLowRank}: columns in lanes, the sums of four vectors at once. */
final class VectorLowRank implements LowRankKernel {
  private static final int VECTORS = 4;
  private static final int BYTES = 4 * Lanes.COUNT;

  private final LowRankKernel tail = new ScalarLowRank();

  @Override
  public void add(
      MemorySegment values,
      long valuesOffset,
      int count,
      MemorySegment factors,
      long factorsOffset,
      int rank,
      MemorySegment matrix,
      long matrixOffset,
      long matrixStride) {
    MemorySegment row = factors.asSlice(factorsOffset, 4L * rank);
    int done = 0;
    for (; done <= count - VECTORS * Lanes.COUNT; done += VECTORS * Lanes.COUNT) {
      long column = 4L * done;
      addFour(values, valuesOffset + column, row, rank, matrix, matrixOffset + column,
          matrixStride);
    }
    for (; done <= count - Lanes.COUNT; done += Lanes.COUNT) {
      long column = 4L * done;
      addOne(values, valuesOffset + column, row, rank, matrix, matrixOffset + column,
          matrixStride);
    }
    if (done < count) {
      long column = 4L * done;
      tail.add(
          values, valuesOffset + column, count - done, factors, factorsOffset, rank, matrix,
          matrixOffset + column, matrixStride);
    }
  }

  private static void addFour(
      MemorySegment values,
      long valuesOffset,
      MemorySegment factors,
      int rank,
      MemorySegment matrix,
      long matrixOffset,
      long matrixStride) {
    FloatVector sum0 = FloatVector.zero(Lanes.FLOATS);
    FloatVector sum1 = sum0;
    FloatVector sum2 = sum0;
    FloatVector sum3 = sum0;
    long at = matrixOffset;
    for (int r = 0; r < rank; r++) {
      float factor = factors.get(JAVA_FLOAT_UNALIGNED, 4L * r);
      sum0 = sum0.add(Lanes.floats(matrix, at).mul(factor));
      sum1 = sum1.add(Lanes.floats(matrix, at + BYTES).mul(factor));
      sum2 = sum2.add(Lanes.floats(matrix, at + 2L * BYTES).mul(factor));
      sum3 = sum3.add(Lanes.floats(matrix, at + 3L * BYTES).mul(factor));
      at += matrixStride;
    }
    addTo(values, valuesOffset, sum0);
    addTo(values, valuesOffset + BYTES, sum1);
    addTo(values, valuesOffset + 2L * BYTES, sum2);
    addTo(values, valuesOffset + 3L * BYTES, sum3);
  }

  private static void addOne(
      MemorySegment values,
      long valuesOffset,
      MemorySegment factors,
      int rank,
      MemorySegment matrix,
      long matrixOffset,
      long matrixStride) {
    FloatVector sum = FloatVector.zero(Lanes.FLOATS);
    long at = matrixOffset;
    for (int r = 0; r < rank; r++) {
      float factor = factors.get(JAVA_FLOAT_UNALIGNED, 4L * r);
      sum = sum.add(Lanes.floats(matrix, at).mul(factor));
      at += matrixStride;
    }
    addTo(values, valuesOffset, sum);
  }

  private static void addTo(MemorySegment values, long offset, FloatVector sum) {
    Lanes.floats(values, offset).add(sum).intoMemorySegment(values, offset, Lanes.ORDER);
  }
}
