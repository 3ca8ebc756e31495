package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorType;
import io.tensorbridge.quantize.FloatSource;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * The values of a matrix of codes: {@code (code - zero) * scale} of the group of the column, rounded
 * to the dtype in which the library of the layout computes.
 */
final class AffineFloats extends FloatSource {
  private final Codes codes;
  private final RowScales parameters;
  private final ColumnGroups groups;
  private final Rounding rounding;
  private final long columns;

  /** The values of a matrix whose rows are those of the shape. */
  AffineFloats(
      Shape shape,
      List<Tensor> stored,
      Codes codes,
      RowScales parameters,
      ColumnGroups groups,
      Rounding rounding) {
    this(
        shape,
        stored,
        shape.flattenedToMatrix().rowLength(),
        codes,
        parameters,
        groups,
        rounding);
  }

  /** The values of a matrix with rows of any length over all elements, the last maybe shorter. */
  AffineFloats(
      Shape shape,
      List<Tensor> stored,
      long columns,
      Codes codes,
      RowScales parameters,
      ColumnGroups groups,
      Rounding rounding) {
    super(new TensorType(DType.F32, shape), stored);
    this.codes = codes;
    this.parameters = parameters;
    this.groups = groups;
    this.rounding = rounding;
    this.columns = columns;
  }

  @Override
  protected void copy(long first, MemorySegment values) {
    long end = first + values.byteSize() / Float.BYTES;
    float[] scales = new float[parameters.groups()];
    float[] zeros = new float[scales.length];
    for (long at = first; at < end;) {
      long row = at / columns;
      int from = (int) (at % columns);
      int count = (int) Math.min(columns - from, end - at);
      parameters.read(row, scales, zeros);
      float[] run = new float[count];
      codes.read(row, from, run);
      for (int i = 0; i < count; i++) {
        int group = groups.of(from + i);
        run[i] = (run[i] - zeros[group]) * scales[group];
      }
      rounding.round(run);
      MemorySegment.copy(
          run, 0, values, ValueLayout.JAVA_FLOAT_UNALIGNED, (at - first) * Float.BYTES, count);
      at += count;
    }
  }
}
