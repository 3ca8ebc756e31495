package io.tensorbridge.quantize.extract;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import io.tensorbridge.quantize.internal.kernel.LowRankKernel;
import io.tensorbridge.quantize.internal.kernel.LowRankProduct;
import io.tensorbridge.quantize.internal.kernel.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.ejml.data.DMatrixRMaj;

/**
 * A difference as a product of two factors, {@code up @ down}, each with the roots of the singular
 * values in it, so that both fit float16.
 *
 * @param rank of the product
 * @param up {@code [out, rank]}, or of a convolution {@code [out, rank, 1, 1]}; float32
 * @param down {@code [rank, in]}, or {@code [rank, in, kh, kw]}; float32
 * @param norm of the difference, the root of the sum of its squares
 * @param error the norm of what the product lacks, as a share of {@code norm}
 */
record LowRankFit(int rank, Tensor up, Tensor down, double norm, double error) {
  /** Singular values below this share of the greatest are rounding errors of float32. */
  private static final double NOISE = 0x1p-24;

  private static final int FIRST_WIDTH = 24;

  /** The share of the squared difference that the product holds. */
  double energy() {
    return Math.max(0, 1 - error * error);
  }

  /**
   * Fits a product.
   *
   * @param difference native float32, row-major, not all zeros
   * @param shape of the difference
   * @param limit how many singular values may be kept
   */
  static LowRankFit of(MemorySegment difference, Shape shape, RankLimit limit) {
    int rows = Math.toIntExact(shape.flattenedToMatrix().dimension(0));
    int columns = Math.toIntExact(shape.flattenedToMatrix().rowLength());
    double total = squares(difference, (long) rows * columns);
    LowRankSvd svd = new LowRankSvd(difference, rows, columns);
    int most = Math.min(limit.maxRank(), Math.min(rows, columns));
    int wanted = limit.energy() < 1 ? Math.min(most, FIRST_WIDTH) : most;
    while (true) {
      LowRankSvd.Factors factors = svd.decompose(wanted);
      double[] values = factors.values().data;
      int rank = rank(values, limit.energy() * total, wanted);
      double held = held(values, rank);
      boolean enough = limit.energy() == 1 || held >= limit.energy() * total || wanted == most
          || rank < wanted;
      if (enough) {
        Tensor up = factor(factors.left(), values, rank, upShape(shape, rank), false);
        Tensor down =
            factor(factors.right(), values, rank, downShape(shape, rank), true);
        double lacking = lacking(difference, rows, columns, up, down);
        return new LowRankFit(
            rank, up, down, Math.sqrt(total), Math.min(1, Math.sqrt(lacking / total)));
      }
      wanted = Math.min(most, 2 * wanted + 8);
    }
  }

  private static double squares(MemorySegment values, long count) {
    double sum = 0;
    for (long i = 0; i < count; i++) {
      double value = values.getAtIndex(JAVA_FLOAT, i);
      sum += value * value;
    }
    return sum;
  }

  /** The sum of the squares of what a product lacks; its own rounding to float32 counts. */
  private static double lacking(
      MemorySegment difference, int rows, int columns, Tensor up, Tensor down) {
    int rank = Math.toIntExact(down.shape().dimension(0));
    LowRankKernel kernel = Kernels.shared().lowRank().forWork((long) rows * columns);
    MemorySegment matrix = Native.view(down.segment());
    double sum = 0;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment row = Native.view(arena.allocate(JAVA_FLOAT, columns));
      MemorySegment factors = Native.view(arena.allocate(JAVA_FLOAT, rank));
      MemorySegment panels =
          Native.view(arena.allocate(LowRankProduct.panelBytes(columns, rank), 64));
      LowRankProduct product = new LowRankProduct(factors, panels, rank, columns);
      for (int r = 0; r < rank; r++) {
        product.putMatrix(r, 0, matrix.asSlice(4L * r * columns), columns);
      }
      for (long i = 0; i < rows; i++) {
        MemorySegment.copy(difference, i * columns * 4, row, 0, 4L * columns);
        for (int r = 0; r < rank; r++) {
          factors.setAtIndex(
              JAVA_FLOAT, r, -up.segment().getAtIndex(JAVA_FLOAT, i * rank + r));
        }
        kernel.add(row, 0, row, 0, product, 0, 1, 0, columns);
        sum += squares(row, columns);
      }
    }
    return sum;
  }

  /** The least rank that holds enough, or the greatest that is no noise. */
  private static int rank(double[] values, double enough, int most) {
    double held = 0;
    int rank = 0;
    while (rank < Math.min(most, values.length)
        && (rank == 0 || (values[rank] > NOISE * values[0] && held < enough))) {
      held += values[rank] * values[rank];
      rank++;
    }
    return rank;
  }

  private static double held(double[] values, int rank) {
    double held = 0;
    for (int i = 0; i < rank; i++) {
      held += values[i] * values[i];
    }
    return held;
  }

  private static Shape upShape(Shape shape, int rank) {
    long[] extents = new long[shape.rank()];
    Arrays.fill(extents, 1);
    extents[0] = shape.dimension(0);
    extents[1] = rank;
    return Shape.of(extents);
  }

  private static Shape downShape(Shape shape, int rank) {
    long[] extents = shape.dimensions();
    extents[0] = rank;
    return Shape.of(extents);
  }

  private static Tensor factor(
      DMatrixRMaj vectors, double[] values, int rank, Shape shape, boolean transposed) {
    MemorySegment memory =
        Arena.ofAuto().allocate(Math.max(1, shape.elementCount() * Float.BYTES), 64);
    for (int k = 0; k < rank; k++) {
      double root = Math.sqrt(values[k]);
      for (int i = 0; i < vectors.numRows; i++) {
        long at = transposed ? (long) k * vectors.numRows + i : (long) i * rank + k;
        memory.setAtIndex(JAVA_FLOAT, at, (float) (vectors.get(i, k) * root));
      }
    }
    return Tensor.of(memory, DType.F32, shape);
  }
}
