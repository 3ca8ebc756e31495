package io.tensorbridge.quantize.extract;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.tensorbridge.quantize.internal.kernel.Kernels;
import io.tensorbridge.quantize.internal.kernel.LowRankKernel;
import io.tensorbridge.quantize.internal.kernel.LowRankProduct;
import io.tensorbridge.quantize.internal.kernel.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.SingularOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.QRDecomposition;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;

/**
 * The greatest singular values of a matrix and their vectors, by random projection: Halko, Martinsson
 * and Tropp, "Finding structure with randomness" (2011), algorithms 4.4 and 5.1, with two power
 * iterations; for one thread.
 *
 * <p>Products with the large matrix are float32, by the kernel that merges adapters; bases are made
 * orthonormal, and the small matrix that is left is decomposed, in double precision by EJML. Numbers
 * are drawn from a fixed seed, so that the same matrix gives the same result.
 */
final class LowRankSvd {
  private static final int POWER_ITERATIONS = 2;
  private static final long SEED = 20_110_217;

  /** Products are made by blocks that stay in the second-level cache. */
  private static final int BLOCK_ROWS = 64;

  private static final int BLOCK_COLUMNS = 1024;
  private static final int BLOCK_DEPTH = 256;

  private final MemorySegment matrix;
  private final int rows;
  private final int columns;

  /**
   * Left and right vectors of the greatest singular values.
   *
   * @param left {@code [rows, count]}, orthonormal columns
   * @param values descending, a column
   * @param right {@code [columns, count]}, orthonormal columns
   */
  record Factors(DMatrixRMaj left, DMatrixRMaj values, DMatrixRMaj right) {}

  /** Of a native row-major float32 matrix. */
  LowRankSvd(MemorySegment matrix, int rows, int columns) {
    this.matrix = Native.view(matrix);
    this.rows = rows;
    this.columns = columns;
  }

  /**
   * Decomposes.
   *
   * @param wanted how many singular values shall come close to the exact ones
   * @return at least as many, those beyond are less exact; all of them if the matrix has no more
   */
  Factors decompose(int wanted) {
    int width = Math.min(Math.min(rows, columns), (wanted + 8 + 31) & -32);
    try (Arena arena = Arena.ofConfined()) {
      DMatrixRMaj left = orthonormal(forward(random(width), arena));
      DMatrixRMaj projected = backward(left, arena);
      for (int i = 0; i < POWER_ITERATIONS; i++) {
        left = orthonormal(forward(orthonormal(projected), arena));
        projected = backward(left, arena);
      }
      return small(left, projected);
    }
  }

  private DMatrixRMaj random(int width) {
    Random random = new Random(SEED);
    DMatrixRMaj omega = new DMatrixRMaj(columns, width);
    for (int i = 0; i < omega.data.length; i++) {
      omega.data[i] = random.nextGaussian();
    }
    return omega;
  }

  /** The matrix times a narrow one: {@code [rows, width]} of {@code [columns, width]}. */
  private DMatrixRMaj forward(DMatrixRMaj narrow, Arena arena) {
    int width = narrow.numCols;
    MemorySegment factor = floats(narrow.data, arena);
    MemorySegment product = zeros((long) rows * width, arena);
    LowRankKernel kernel = Kernels.shared().lowRank().forWork((long) rows * columns);
    MemorySegment block = zeros((long) BLOCK_ROWS * BLOCK_DEPTH, arena);
    MemorySegment panels = panels(width, BLOCK_DEPTH, arena);
    for (int from = 0; from < columns; from += BLOCK_DEPTH) {
      int depth = Math.min(BLOCK_DEPTH, columns - from);
      LowRankProduct added = new LowRankProduct(block, panels, depth, width);
      for (int i = 0; i < depth; i++) {
        added.putMatrix(i, 0, factor.asSlice(4L * (from + i) * width), width);
      }
      for (int row = 0; row < rows; row += BLOCK_ROWS) {
        int count = Math.min(BLOCK_ROWS, rows - row);
        for (int i = 0; i < count; i++) {
          long begin = 4 * ((long) (row + i) * columns + from);
          MemorySegment.copy(matrix, begin, block, 4L * i * depth, 4L * depth);
        }
        long at = 4L * row * width;
        kernel.add(product, at, product, at, added, 0, count, 0, width);
      }
    }
    return doubles(product, rows, width);
  }

  /** The transposed matrix times a narrow one: {@code [columns, width]} of {@code [rows, width]}. */
  private DMatrixRMaj backward(DMatrixRMaj narrow, Arena arena) {
    int width = narrow.numCols;
    MemorySegment product = zeros((long) columns * width, arena);
    MemorySegment block = zeros((long) BLOCK_ROWS * width, arena);
    LowRankKernel kernel = Kernels.shared().lowRank().forWork((long) rows * columns);
    MemorySegment panels = panels(columns, BLOCK_ROWS, arena);
    for (int row = 0; row < rows; row += BLOCK_ROWS) {
      int depth = Math.min(BLOCK_ROWS, rows - row);
      LowRankProduct added = new LowRankProduct(block, panels, depth, columns);
      for (int i = 0; i < depth; i++) {
        added.putMatrix(i, 0, matrix.asSlice(4L * (row + i) * columns), columns);
      }
      for (int k = 0; k < width; k++) {
        for (int i = 0; i < depth; i++) {
          block.setAtIndex(JAVA_FLOAT, (long) k * depth + i, (float) narrow.get(row + i, k));
        }
      }
      for (int column = 0; column < columns; column += BLOCK_COLUMNS) {
        int count = Math.min(BLOCK_COLUMNS, columns - column);
        long at = 4L * column;
        kernel.add(product, at, product, at, added, 0, width, column, count);
      }
    }
    return CommonOps_DDRM.transpose(doubles(product, width, columns), null);
  }

  private static MemorySegment panels(int columns, int rank, Arena arena) {
    return Native.view(arena.allocate(LowRankProduct.panelBytes(columns, rank), 64));
  }

  private static MemorySegment zeros(long elements, Arena arena) {
    return Native.view(arena.allocate(elements * Float.BYTES, 64));
  }

  private static MemorySegment floats(double[] values, Arena arena) {
    MemorySegment floats = zeros(values.length, arena);
    for (int i = 0; i < values.length; i++) {
      floats.setAtIndex(JAVA_FLOAT, i, (float) values[i]);
    }
    return floats;
  }

  private static DMatrixRMaj doubles(MemorySegment floats, int rows, int columns) {
    DMatrixRMaj doubles = new DMatrixRMaj(rows, columns);
    for (int i = 0; i < doubles.data.length; i++) {
      doubles.data[i] = floats.getAtIndex(JAVA_FLOAT, i);
    }
    return doubles;
  }

  private static DMatrixRMaj orthonormal(DMatrixRMaj narrow) {
    return qr(narrow).getQ(null, true);
  }

  /**
   * Every matrix of finite numbers has one. EJML's answer is whether the columns are independent; where
   * they are not, its reflection is the identity, and Q orthonormal all the same.
   */
  private static QRDecomposition<DMatrixRMaj> qr(DMatrixRMaj narrow) {
    QRDecomposition<DMatrixRMaj> qr =
        DecompositionFactory_DDRM.qr(narrow.numRows, narrow.numCols);
    boolean _ = qr.decompose(narrow.copy());
    return qr;
  }

  /** The SVD of {@code left * projected^T}, by that of the triangle of {@code projected}. */
  private static Factors small(DMatrixRMaj left, DMatrixRMaj projected) {
    QRDecomposition<DMatrixRMaj> qr = qr(projected);
    DMatrixRMaj basis = qr.getQ(null, true);
    DMatrixRMaj triangle = qr.getR(null, true);
    SingularValueDecomposition_F64<DMatrixRMaj> svd =
        DecompositionFactory_DDRM.svd(triangle.numRows, triangle.numCols, true, true, true);
    if (!svd.decompose(triangle)) {
      throw new IllegalStateException("the SVD of a small matrix did not converge");
    }
    DMatrixRMaj u = svd.getU(null, false);
    DMatrixRMaj v = svd.getV(null, false);
    DMatrixRMaj w = svd.getW(null);
    SingularOps_DDRM.descendingOrder(u, false, w, v, false);
    DMatrixRMaj values = new DMatrixRMaj(Math.min(w.numRows, w.numCols), 1);
    CommonOps_DDRM.extractDiag(w, values);
    DMatrixRMaj lefts = CommonOps_DDRM.mult(left, v, null);
    DMatrixRMaj rights = CommonOps_DDRM.mult(basis, u, null);
    return new Factors(lefts, values, rights);
  }
}
