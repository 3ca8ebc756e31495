package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * The vector twin of {@link ScalarLowRank}: columns in lanes, and the sums of two vectors of eight
 * or four rows at once, so that what is loaded of the matrix serves as often.
 *
 * <p>Rows are walked along, some at once, so that a weight in memory is read as it lies there. The
 * matrix comes from the second-level cache then, from its beginning to its end. Factors are kept as
 * raw bits, whose broadcast is one instruction; that of a float looks for NaN first.
 */
@SuppressWarnings("NarrowCalculation") // offsets within a panel are small, and int loops compile better
final class VectorLowRank implements LowRankKernel {
  private static final int PANEL = LowRankProduct.PANEL;
  private static final int PANEL_BYTES = LowRankProduct.PANEL_BYTES;

  /** Only processors with the widest vectors have registers for the sums of more rows. */
  private static final int MOST_ROWS = Lanes.COUNT == 16 ? 8 : 4;

  private static final int BYTES = 4 * Lanes.COUNT;
  private static final int WIDTH = 2 * Lanes.COUNT;

  private final LowRankKernel edges = new ScalarLowRank();

  @Override
  public void add(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      LowRankProduct product,
      long row,
      int rows,
      long column,
      int columns) {
    int head = (int) Math.min(columns, -column & (PANEL - 1));
    int body = (columns - head) & -PANEL;
    if (head > 0) {
      edges.add(
          source, sourceOffset, target, targetOffset, product, row, rows, column, head);
    }
    if (body > 0) {
      addPanels(
          source,
          sourceOffset + 4L * head,
          target,
          targetOffset + 4L * head,
          product,
          row,
          rows,
          product.panelOffset(column + head),
          body / PANEL);
    }
    int done = head + body;
    if (done < columns) {
      edges.add(
          source, sourceOffset + 4L * done, target, targetOffset + 4L * done, product, row, rows,
          column + done, columns - done);
    }
  }

  private static void addPanels(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      LowRankProduct product,
      long row,
      int rows,
      long firstPanel,
      int panels) {
    int rank = product.rank();
    long stride = product.columns() * Float.BYTES;
    int[] bits = new int[MOST_ROWS * rank];
    int[] block = new int[bits.length];
    float[] sums = new float[MOST_ROWS * WIDTH];
    int height;
    for (int done = 0; done < rows; done += height) {
      height = rows - done >= MOST_ROWS ? MOST_ROWS : rows - done >= 4 ? 4 : 1;
      long factors = LowRankProduct.factorBytes(row + done, rank);
      MemorySegment.copy(
          product.factors(), JAVA_INT_UNALIGNED, factors, bits, 0, height * rank);
      interleave(bits, height, rank, block);
      long from = sourceOffset + done * stride;
      long to = targetOffset + done * stride;
      long panel = firstPanel;
      for (int i = 0; i < panels; i++) {
        for (int at = 0; at < PANEL_BYTES; at += 2 * BYTES) {
          sum(height, block, rank, product.panels(), panel + at, sums);
          addTo(source, from, target, to, stride, height, sums);
          from += 2 * BYTES;
          to += 2 * BYTES;
        }
        panel += (long) rank * PANEL_BYTES;
      }
    }
  }

  private static void sum(
      int rows, int[] factors, int rank, MemorySegment panels, long panel, float[] sums) {
    MemorySegment matrix = panels.asSlice(panel, (rank - 1) * PANEL_BYTES + 2 * BYTES);
    switch (rows) {
      case 8 -> sumEight(factors, rank, matrix, sums);
      case 4 -> sumFour(factors, rank, matrix, sums);
      default -> sumOne(factors, rank, matrix, sums);
    }
  }

  /** Brings the factors of rows, for each {@code r}, next to each other. */
  private static void interleave(int[] bits, int rows, int rank, int[] block) {
    for (int row = 0; row < rows; row++) {
      for (int r = 0; r < rank; r++) {
        block[r * rows + row] = bits[row * rank + r];
      }
    }
  }

  private static FloatVector broadcast(int bits) {
    return IntVector.broadcast(Lanes.INTS, bits).reinterpretAsFloats();
  }

  private static void sumEight(int[] factors, int rank, MemorySegment matrix, float[] sums) {
    FloatVector sum00 = FloatVector.zero(Lanes.FLOATS);
    FloatVector sum01 = sum00;
    FloatVector sum10 = sum00;
    FloatVector sum11 = sum00;
    FloatVector sum20 = sum00;
    FloatVector sum21 = sum00;
    FloatVector sum30 = sum00;
    FloatVector sum31 = sum00;
    FloatVector sum40 = sum00;
    FloatVector sum41 = sum00;
    FloatVector sum50 = sum00;
    FloatVector sum51 = sum00;
    FloatVector sum60 = sum00;
    FloatVector sum61 = sum00;
    FloatVector sum70 = sum00;
    FloatVector sum71 = sum00;
    for (int r = 0; r < rank; r++) {
      FloatVector left = Lanes.floats(matrix, r * PANEL_BYTES);
      FloatVector right = Lanes.floats(matrix, r * PANEL_BYTES + BYTES);
      FloatVector factor0 = broadcast(factors[8 * r]);
      sum00 = sum00.add(left.mul(factor0));
      sum01 = sum01.add(right.mul(factor0));
      FloatVector factor1 = broadcast(factors[8 * r + 1]);
      sum10 = sum10.add(left.mul(factor1));
      sum11 = sum11.add(right.mul(factor1));
      FloatVector factor2 = broadcast(factors[8 * r + 2]);
      sum20 = sum20.add(left.mul(factor2));
      sum21 = sum21.add(right.mul(factor2));
      FloatVector factor3 = broadcast(factors[8 * r + 3]);
      sum30 = sum30.add(left.mul(factor3));
      sum31 = sum31.add(right.mul(factor3));
      FloatVector factor4 = broadcast(factors[8 * r + 4]);
      sum40 = sum40.add(left.mul(factor4));
      sum41 = sum41.add(right.mul(factor4));
      FloatVector factor5 = broadcast(factors[8 * r + 5]);
      sum50 = sum50.add(left.mul(factor5));
      sum51 = sum51.add(right.mul(factor5));
      FloatVector factor6 = broadcast(factors[8 * r + 6]);
      sum60 = sum60.add(left.mul(factor6));
      sum61 = sum61.add(right.mul(factor6));
      FloatVector factor7 = broadcast(factors[8 * r + 7]);
      sum70 = sum70.add(left.mul(factor7));
      sum71 = sum71.add(right.mul(factor7));
    }
    sum00.intoArray(sums, 0);
    sum01.intoArray(sums, Lanes.COUNT);
    sum10.intoArray(sums, 2 * Lanes.COUNT);
    sum11.intoArray(sums, 3 * Lanes.COUNT);
    sum20.intoArray(sums, 4 * Lanes.COUNT);
    sum21.intoArray(sums, 5 * Lanes.COUNT);
    sum30.intoArray(sums, 6 * Lanes.COUNT);
    sum31.intoArray(sums, 7 * Lanes.COUNT);
    sum40.intoArray(sums, 8 * Lanes.COUNT);
    sum41.intoArray(sums, 9 * Lanes.COUNT);
    sum50.intoArray(sums, 10 * Lanes.COUNT);
    sum51.intoArray(sums, 11 * Lanes.COUNT);
    sum60.intoArray(sums, 12 * Lanes.COUNT);
    sum61.intoArray(sums, 13 * Lanes.COUNT);
    sum70.intoArray(sums, 14 * Lanes.COUNT);
    sum71.intoArray(sums, 15 * Lanes.COUNT);
  }

  private static void sumFour(int[] factors, int rank, MemorySegment matrix, float[] sums) {
    FloatVector sum00 = FloatVector.zero(Lanes.FLOATS);
    FloatVector sum01 = sum00;
    FloatVector sum10 = sum00;
    FloatVector sum11 = sum00;
    FloatVector sum20 = sum00;
    FloatVector sum21 = sum00;
    FloatVector sum30 = sum00;
    FloatVector sum31 = sum00;
    for (int r = 0; r < rank; r++) {
      FloatVector left = Lanes.floats(matrix, r * PANEL_BYTES);
      FloatVector right = Lanes.floats(matrix, r * PANEL_BYTES + BYTES);
      FloatVector factor0 = broadcast(factors[4 * r]);
      sum00 = sum00.add(left.mul(factor0));
      sum01 = sum01.add(right.mul(factor0));
      FloatVector factor1 = broadcast(factors[4 * r + 1]);
      sum10 = sum10.add(left.mul(factor1));
      sum11 = sum11.add(right.mul(factor1));
      FloatVector factor2 = broadcast(factors[4 * r + 2]);
      sum20 = sum20.add(left.mul(factor2));
      sum21 = sum21.add(right.mul(factor2));
      FloatVector factor3 = broadcast(factors[4 * r + 3]);
      sum30 = sum30.add(left.mul(factor3));
      sum31 = sum31.add(right.mul(factor3));
    }
    sum00.intoArray(sums, 0);
    sum01.intoArray(sums, Lanes.COUNT);
    sum10.intoArray(sums, 2 * Lanes.COUNT);
    sum11.intoArray(sums, 3 * Lanes.COUNT);
    sum20.intoArray(sums, 4 * Lanes.COUNT);
    sum21.intoArray(sums, 5 * Lanes.COUNT);
    sum30.intoArray(sums, 6 * Lanes.COUNT);
    sum31.intoArray(sums, 7 * Lanes.COUNT);
  }

  private static void sumOne(int[] factors, int rank, MemorySegment matrix, float[] sums) {
    FloatVector sum00 = FloatVector.zero(Lanes.FLOATS);
    FloatVector sum01 = sum00;
    for (int r = 0; r < rank; r++) {
      FloatVector left = Lanes.floats(matrix, r * PANEL_BYTES);
      FloatVector right = Lanes.floats(matrix, r * PANEL_BYTES + BYTES);
      FloatVector factor0 = broadcast(factors[r]);
      sum00 = sum00.add(left.mul(factor0));
      sum01 = sum01.add(right.mul(factor0));
    }
    sum00.intoArray(sums, 0);
    sum01.intoArray(sums, Lanes.COUNT);
  }

  private static void addTo(
      MemorySegment source,
      long from,
      MemorySegment target,
      long to,
      long stride,
      int rows,
      float[] sums) {
    for (int row = 0; row < rows; row++) {
      FloatVector left = FloatVector.fromArray(Lanes.FLOATS, sums, row * WIDTH);
      FloatVector right = FloatVector.fromArray(Lanes.FLOATS, sums, row * WIDTH + Lanes.COUNT);
      long at = row * stride;
      Lanes.floats(source, from + at).add(left).intoMemorySegment(target, to + at, Lanes.ORDER);
      Lanes.floats(source, from + at + BYTES)
          .add(right)
          .intoMemorySegment(target, to + at + BYTES, Lanes.ORDER);
    }
  }
}
