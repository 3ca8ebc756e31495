package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * A product {@code factors * matrix} of low rank, as large as a weight, that is never computed as a
 * whole; whoever owns the memory keeps it.
 *
 * <p>The matrix stands in panels of 32 columns: all rows of the first panel, then all of the second,
 * so that a kernel reads it from its beginning to its end. Of the last panel, only the columns that
 * exist are written and read.
 *
 * @param factors native float32 {@code [rows, rank]}, row-major
 * @param panels native float32 {@code [ceil(columns / 32), rank, 32]}
 * @param rank the number of factors of a row, and of rows of the matrix
 * @param columns of the matrix
 */
public record LowRankProduct(
    MemorySegment factors, MemorySegment panels, int rank, long columns) {
  /** Columns of a panel: two of the widest vectors, and whole vectors of all others. */
  static final int PANEL = 32;

  /** Bytes of a row of a panel. */
  static final int PANEL_BYTES = PANEL * Float.BYTES;

  /**
   * The memory that the factors take.
   *
   * @param rows of the weight
   * @param rank of the product
   * @return bytes
   */
  public static long factorBytes(long rows, int rank) {
    return rows * rank * Float.BYTES;
  }

  /**
   * The memory that the panels take.
   *
   * @param columns of the weight
   * @param rank of the product
   * @return bytes
   */
  public static long panelBytes(long columns, int rank) {
    return Math.ceilDiv(columns, PANEL) * rank * PANEL_BYTES;
  }

  /** Where a column of the matrix stands in its first row, in bytes. */
  long panelOffset(long column) {
    return column / PANEL * rank * PANEL_BYTES + column % PANEL * Float.BYTES;
  }

  /**
   * Puts values into a row of the matrix.
   *
   * @param row of the matrix
   * @param column of the first value
   * @param values native float32
   * @param count of values
   * @return the greatest magnitude as raw bits; from {@code 0x7f800000} on, a value is not finite
   */
  public int putMatrix(int row, long column, MemorySegment values, int count) {
    int[] bits = new int[Math.min(count, Strip.ELEMENTS)];
    int greatest = 0;
    for (int done = 0; done < count; done += bits.length) {
      int length = Math.min(bits.length, count - done);
      Strip.load(values, 4L * done, bits, length);
      greatest = Math.max(greatest, Strip.magnitude(bits, length));
      putMatrix(row, column + done, bits, length);
    }
    return greatest;
  }

  private void putMatrix(int row, long column, int[] bits, int count) {
    for (int at = 0; at < count;) {
      int length = (int) Math.min(PANEL - (column + at) % PANEL, count - at);
      long to = panelOffset(column + at) + (long) row * PANEL_BYTES;
      MemorySegment.copy(bits, at, panels, JAVA_INT_UNALIGNED, to, length);
      at += length;
    }
  }

  /**
   * Puts values, multiplied in float64 and rounded once, into the factors of rows.
   *
   * @param row of the first value
   * @param first the factor of a row with which it begins
   * @param width how many factors of a row there are among the values
   * @param values native float32, whole rows of {@code width}
   * @param rows how many rows
   * @param scale multiplies all
   * @return the greatest magnitude of a product, as {@link #putMatrix}
   */
  public int putFactors(
      long row, int first, int width, MemorySegment values, int rows, double scale) {
    float[] scaled = new float[rows * width];
    Strip.load(values, 0, scaled, scaled.length);
    for (int i = 0; i < scaled.length; i++) {
      scaled[i] = (float) (scaled[i] * scale);
    }
    int[] bits = new int[scaled.length];
    Strip.copyBits(scaled, bits, bits.length);
    long to = factorBytes(row, rank) + 4L * first;
    if (width == rank) {
      Strip.store(bits, bits.length, factors, to);
    } else {
      for (int i = 0; i < rows; i++) {
        MemorySegment.copy(
            bits, i * width, factors, JAVA_INT_UNALIGNED, to + factorBytes(i, rank), width);
      }
    }
    return Strip.magnitude(bits, bits.length);
  }
}
