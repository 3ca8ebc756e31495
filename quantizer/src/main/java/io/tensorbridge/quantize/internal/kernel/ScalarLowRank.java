package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The reference of {@link LowRankKernel}: a strip of columns, and all rows of the matrix over it. */
final class ScalarLowRank implements LowRankKernel {
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
    int rank = product.rank();
    float[] sums = new float[Math.min(columns, Strip.ELEMENTS)];
    float[] values = new float[sums.length];
    float[][] strips = new float[rank][sums.length];
    long stride = product.columns() * Float.BYTES;
    for (int done = 0; done < columns; done += sums.length) {
      int length = Math.min(sums.length, columns - done);
      load(product, column + done, strips, length);
      for (int i = 0; i < rows; i++) {
        long factors = LowRankProduct.factorBytes(row + i, rank);
        Arrays.fill(sums, 0);
        for (int r = 0; r < rank; r++) {
          float factor = product.factors().get(JAVA_FLOAT_UNALIGNED, factors + 4L * r);
          addProducts(sums, factor, strips[r], length);
        }
        long at = i * stride + 4L * done;
        Strip.load(source, sourceOffset + at, values, length);
        addSums(values, sums, length);
        Strip.store(values, length, target, targetOffset + at);
      }
    }
  }

  /** Brings the panels of some columns to rows of the matrix. */
  private static void load(LowRankProduct product, long column, float[][] strips, int count) {
    for (int at = 0; at < count;) {
      int inPanel = (int) ((column + at) % LowRankProduct.PANEL);
      int length = Math.min(LowRankProduct.PANEL - inPanel, count - at);
      long from = product.panelOffset(column + at);
      for (float[] strip : strips) {
        MemorySegment.copy(product.panels(), JAVA_FLOAT_UNALIGNED, from, strip, at, length);
        from += LowRankProduct.PANEL_BYTES;
      }
      at += length;
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
