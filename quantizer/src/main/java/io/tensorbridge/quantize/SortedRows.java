package io.tensorbridge.quantize;

import io.tensorbridge.TensorException;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** The rows of a source in another order; whoever runs over them watches the source itself. */
final class SortedRows extends FloatSource {
  private final FloatSource source;
  private final RowOrder order;
  private final long columns;

  SortedRows(FloatSource source, RowOrder order) {
    super(source.type(), List.of());
    this.source = source;
    this.order = order;
    this.columns = source.elementCount() / Math.max(1, order.rows());
  }

  @Override
  protected void copy(long first, MemorySegment values) {
    long end = first + values.byteSize() / Float.BYTES;
    long lastRow = Math.ceilDiv(end, columns);
    for (long at = first; at < end;) {
      long row = at / columns;
      long column = at % columns;
      long length = Math.min(end, order.runEnd(row, lastRow) * columns) - at;
      long from = order.originals()[(int) row] * columns + column;
      source.copy(from, values.asSlice((at - first) * Float.BYTES, length * Float.BYTES));
      at += length;
    }
  }

  /** Names the element by its place in the tensor. */
  @Override
  TensorException nonFinite(Scratch scratch) {
    return source.nonFinite(scratch);
  }
}
