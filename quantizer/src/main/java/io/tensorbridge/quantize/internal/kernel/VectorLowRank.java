package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * The vector twin of {@link ScalarLowRank}: columns in lanes, and the sums of two vectors of four
 * rows at once, so that what is loaded of the matrix serves four times.
 *
 * <p>A panel of the matrix, two vectors wide, is copied to an array first, and all rows use it: a
 * panel in one piece needs neither many cache lines nor a check for each access. Factors are kept as
 * raw bits, whose broadcast is one instruction; that of a float looks for NaN first.
 */
final class VectorLowRank implements LowRankKernel {
  private static final int ROWS = 4;
  private static final int VECTORS = 2;
  private static final int PANEL = VECTORS * Lanes.COUNT;
  private static final int BYTES = 4 * Lanes.COUNT;

  private final LowRankKernel tail = new ScalarLowRank();

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
    int[] bits = new int[rows * rank];
    MemorySegment.copy(factors, JAVA_INT_UNALIGNED, factorsOffset, bits, 0, bits.length);
    int blocked = rows - rows % ROWS;
    interleave(bits, blocked, rank);
    float[] panel = new float[rank * PANEL];
    int done = 0;
    for (; done <= columns - PANEL; done += PANEL) {
      long column = 4L * done;
      for (int r = 0; r < rank; r++) {
        long from = matrixOffset + r * stride + column;
        Lanes.floats(matrix, from).intoArray(panel, r * PANEL);
        Lanes.floats(matrix, from + BYTES).intoArray(panel, r * PANEL + Lanes.COUNT);
      }
      long at = valuesOffset + column;
      for (int row = 0; row < blocked; row += ROWS) {
        addBlock(values, at, bits, row * rank, rank, panel, stride);
        at += ROWS * stride;
      }
      for (int row = blocked; row < rows; row++) {
        addRow(values, at, bits, row * rank, rank, panel);
        at += stride;
      }
    }
    if (done < columns) {
      tail.add(
          values, valuesOffset + 4L * done, rows, columns - done, factors, factorsOffset, rank,
          matrix, matrixOffset + 4L * done, stride);
    }
  }

  /** Brings the factors of each four rows next to each other. */
  private static void interleave(int[] bits, int rows, int rank) {
    int[] block = new int[ROWS * rank];
    for (int first = 0; first < rows * rank; first += block.length) {
      for (int i = 0; i < block.length; i++) {
        block[i % rank * ROWS + i / rank] = bits[first + i];
      }
      System.arraycopy(block, 0, bits, first, block.length);
    }
  }

  private static FloatVector broadcast(int bits) {
    return IntVector.broadcast(Lanes.INTS, bits).reinterpretAsFloats();
  }

  private static void addBlock(
      MemorySegment values,
      long valuesOffset,
      int[] bits,
      int from,
      int rank,
      float[] panel,
      long stride) {
    FloatVector sum00 = FloatVector.zero(Lanes.FLOATS);
    FloatVector sum01 = sum00;
    FloatVector sum10 = sum00;
    FloatVector sum11 = sum00;
    FloatVector sum20 = sum00;
    FloatVector sum21 = sum00;
    FloatVector sum30 = sum00;
    FloatVector sum31 = sum00;
    for (int r = 0; r < rank; r++) {
      FloatVector left = FloatVector.fromArray(Lanes.FLOATS, panel, r * PANEL);
      FloatVector right = FloatVector.fromArray(Lanes.FLOATS, panel, r * PANEL + Lanes.COUNT);
      int at = from + r * ROWS;
      FloatVector factor0 = broadcast(bits[at]);
      sum00 = sum00.add(left.mul(factor0));
      sum01 = sum01.add(right.mul(factor0));
      FloatVector factor1 = broadcast(bits[at + 1]);
      sum10 = sum10.add(left.mul(factor1));
      sum11 = sum11.add(right.mul(factor1));
      FloatVector factor2 = broadcast(bits[at + 2]);
      sum20 = sum20.add(left.mul(factor2));
      sum21 = sum21.add(right.mul(factor2));
      FloatVector factor3 = broadcast(bits[at + 3]);
      sum30 = sum30.add(left.mul(factor3));
      sum31 = sum31.add(right.mul(factor3));
    }
    addTo(values, valuesOffset, sum00, sum01);
    addTo(values, valuesOffset + stride, sum10, sum11);
    addTo(values, valuesOffset + 2 * stride, sum20, sum21);
    addTo(values, valuesOffset + 3 * stride, sum30, sum31);
  }

  private static void addRow(
      MemorySegment values, long valuesOffset, int[] bits, int from, int rank, float[] panel) {
    FloatVector sum0 = FloatVector.zero(Lanes.FLOATS);
    FloatVector sum1 = sum0;
    for (int r = 0; r < rank; r++) {
      FloatVector factor = broadcast(bits[from + r]);
      FloatVector left = FloatVector.fromArray(Lanes.FLOATS, panel, r * PANEL);
      FloatVector right = FloatVector.fromArray(Lanes.FLOATS, panel, r * PANEL + Lanes.COUNT);
      sum0 = sum0.add(left.mul(factor));
      sum1 = sum1.add(right.mul(factor));
    }
    addTo(values, valuesOffset, sum0, sum1);
  }

  private static void addTo(
      MemorySegment values, long offset, FloatVector left, FloatVector right) {
    Lanes.floats(values, offset).add(left).intoMemorySegment(values, offset, Lanes.ORDER);
    Lanes.floats(values, offset + BYTES)
        .add(right)
        .intoMemorySegment(values, offset + BYTES, Lanes.ORDER);
  }
}
