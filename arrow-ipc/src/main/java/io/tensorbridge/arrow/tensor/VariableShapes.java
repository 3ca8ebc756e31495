package io.tensorbridge.arrow.tensor;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowField;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;

/** Copies tensors into a column of {@code arrow.variable_shape_tensor}. */
final class VariableShapes {
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final ArrowField field;
  private final TensorParameters parameters;
  private final int rank;
  private final Arena arena;

  VariableShapes(ArrowField field, TensorParameters parameters, int rank, Arena arena) {
    this.field = field;
    this.parameters = parameters;
    this.rank = rank;
    this.arena = arena;
  }

  /**
   * The column.
   *
   * @param rows logical tensors: permuted, if the field tells a permutation
   */
  ArrowColumn column(List<Tensor> rows) {
    ArrowField data = field.children().getFirst();
    ArrowField shape = field.children().getLast();
    List<Tensor> stored = rows.stream().map(this::stored).toList();
    MemorySegment offsets = arena.allocate((rows.size() + 1L) * Integer.BYTES, 64);
    long count = (long) rows.size() * rank;
    MemorySegment extents = arena.allocate(Math.max(1, count) * Integer.BYTES, 64)
        .asSlice(0, count * Integer.BYTES);
    long elements = 0;
    for (int row = 0; row < rows.size(); row++) {
      requireFit(stored.get(row), row);
      for (int i = 0; i < rank; i++) {
        long extent = stored.get(row).shape().dimension(i);
        extents.set(INT, ((long) row * rank + i) * Integer.BYTES, int32(extent, row));
      }
      elements += stored.get(row).shape().elementCount();
      offsets.set(INT, (row + 1L) * Integer.BYTES, int32(elements, row));
    }
    ArrowField item = data.children().getFirst();
    ArrowColumn items = values(item, elements, copied(item, stored, elements));
    ArrowColumn lists = nested(data, rows.size(), List.of(MemorySegment.NULL, offsets), items);
    ArrowColumn shapes = nested(shape, rows.size(), List.of(MemorySegment.NULL),
        values(shape.children().getFirst(), count, extents));
    return nested(field, rows.size(), List.of(MemorySegment.NULL), lists, shapes);
  }

  private static ArrowColumn values(ArrowField field, long count, MemorySegment bytes) {
    return nested(field, count, List.of(MemorySegment.NULL, bytes));
  }

  private static ArrowColumn nested(
      ArrowField field, long rows, List<MemorySegment> buffers, ArrowColumn... children) {
    return ArrowColumn.of(field, rows, 0, buffers, List.of(children), Optional.empty());
  }

  /** As the elements lie in the column. */
  private Tensor stored(Tensor tensor) {
    List<Integer> order = parameters.permutation();
    if (order.isEmpty() || tensor.shape().rank() != order.size()) {
      return tensor;
    }
    int[] axes = new int[order.size()];
    for (int i = 0; i < axes.length; i++) {
      axes[order.get(i)] = i;
    }
    return tensor.permute(axes);
  }

  private void requireFit(Tensor tensor, int row) {
    ArrowField item = field.children().getFirst().children().getFirst();
    if (tensor.shape().rank() != rank
        || !ElementType.of(item).equals(Optional.of(tensor.dtype()))) {
      throw new TensorException(ErrorCode.BAD_SHAPE, field.name(), -1, "row " + row + " is "
          + tensor.type() + " in a column of " + item.typeText() + " tensors of rank " + rank,
          null);
    }
    parameters.requireUniform(tensor.shape(), field, row);
  }

  private int int32(long number, int row) {
    if (number > Integer.MAX_VALUE) {
      throw new TensorException(ErrorCode.BAD_SHAPE, field.name(), -1, "row " + row
          + " makes the column have " + number + " elements, which its offsets can't tell; write"
          + " more batches of fewer rows", null);
    }
    return (int) number;
  }

  private MemorySegment copied(ArrowField item, List<Tensor> stored, long elements) {
    int size = ElementType.of(item).orElseThrow().byteSize();
    MemorySegment target = arena.allocate(Math.max(1, elements * size), 64)
        .asSlice(0, elements * size);
    long at = 0;
    for (Tensor tensor : stored) {
      if (tensor.isRowMajor()) {
        MemorySegment.copy(tensor.data(), 0, target, at, tensor.byteLength());
      } else {
        copy(tensor, 0, tensor.layout().byteOffset(), target, at);
      }
      at += tensor.byteLength();
    }
    return target;
  }

  /** Returns where the next elements go. */
  private static long copy(
      Tensor from, int dimension, long at, MemorySegment target, long position) {
    if (dimension == from.shape().rank()) {
      MemorySegment.copy(from.segment(), at, target, position, from.dtype().byteSize());
      return position + from.dtype().byteSize();
    }
    long next = position;
    for (long i = 0; i < from.shape().dimension(dimension); i++) {
      next = copy(from, dimension + 1, at + i * from.layout().byteStride(dimension), target, next);
    }
    return next;
  }
}
