package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.DType;
import io.tensorbridge.quantize.FloatScheme;
import io.tensorbridge.quantize.Fp8Scheme;
import io.tensorbridge.quantize.Int8Scheme;
import io.tensorbridge.quantize.MxScheme;
import io.tensorbridge.quantize.QuantScheme;
import java.util.Optional;

/** Finds the scheme that stores such codes and such scales, and means the same by them. */
final class SchemeOfScales {
  private static final int MX_GROUP = 32;
  private static final int TILE = 128;

  private SchemeOfScales() {}

  /**
   * The scheme of codes of one byte each, without zero points.
   *
   * @param code their dtype
   * @param scale the dtype of the scales
   * @param grid how many elements share one
   * @param rows of the matrix
   * @param columns of the matrix
   */
  static Optional<QuantScheme> of(
      DType code, DType scale, ScaleGrid grid, long rows, long columns) {
    boolean rowwise = grid.blockRows() == 1;
    boolean row = rowwise && grid.groupColumns() == columns;
    if (code == DType.I8) {
      return scale == DType.F32 && row
          ? Optional.of(new Int8Scheme(Int8Scheme.Rule.COMPRESSED_TENSORS))
          : Optional.empty();
    }
    if (scale == DType.U8) {
      return rowwise && grid.groupColumns() == MX_GROUP
          ? Optional.of(
              new MxScheme(
                  code == DType.F8_E4M3 ? MxScheme.Element.E4M3 : MxScheme.Element.E5M2,
                  MxScheme.Rounding.FLOOR))
          : Optional.empty();
    }
    if (scale != DType.F32) {
      return Optional.empty();
    }
    FloatScheme type =
        code == DType.F8_E4M3 ? FloatScheme.FP8_E4M3 : FloatScheme.FP8_E5M2;
    if (row) {
      return Optional.of(new Fp8Scheme(type, Fp8Scheme.Scale.ROW));
    }
    if (grid.groups() == 1 && grid.groupColumns() == columns && grid.blockRows() == rows) {
      return Optional.of(new Fp8Scheme(type, Fp8Scheme.Scale.TENSOR));
    }
    return grid.blockRows() == TILE && grid.groupColumns() == TILE
        ? Optional.of(new Fp8Scheme(type, Fp8Scheme.Scale.BLOCK))
        : Optional.empty();
  }
}
