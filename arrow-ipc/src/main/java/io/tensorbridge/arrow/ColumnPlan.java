package io.tensorbridge.arrow;

import java.lang.foreign.MemorySegment;

/** Adds whole columns to a plan: their nodes and as much of their buffers as the rows need. */
final class ColumnPlan {
  private final BatchPlan plan;

  private ColumnPlan(BatchPlan plan) {
    this.plan = plan;
  }

  /** Adds a column and its children, but not its dictionary. */
  static void add(BatchPlan plan, ArrowColumn column) {
    new ColumnPlan(plan).add(column);
  }

  private void add(ArrowColumn column) {
    plan.node(column.length(), column.nullCount());
    ArrowLayout layout = column.layout();
    for (int i = 0; i < layout.buffers().size(); i++) {
      BufferLayout buffer = layout.buffers().get(i);
      plan.buffer(
          buffer.kind() == BufferKind.OFFSETS && column.length() == 0
              ? firstOffset(buffer)
              : column.buffer(i).bytes().asSlice(0, needed(column, buffer)));
    }
    if (layout.variadic()) {
      for (int i = layout.buffers().size(); i < column.bufferCount(); i++) {
        plan.buffer(column.buffer(i).bytes());
      }
      plan.viewed(column.bufferCount() - layout.buffers().size());
    }
    column.children().forEach(this::add);
  }

  /** The format asks for it; nanoarrow reads it, though no row does. */
  private static MemorySegment firstOffset(BufferLayout offsets) {
    return MemorySegment.ofArray(new byte[(int) offsets.elementBits() / Byte.SIZE]);
  }

  private static long needed(ArrowColumn column, BufferLayout buffer) {
    return switch (buffer.kind()) {
      case VALIDITY -> column.nullCount() == 0 ? 0 : buffer.byteLength(column.length());
      case DATA -> column.length() == 0 ? 0 : column.extent(column.length() - 1).end();
      case OFFSETS, POSITIONS, SIZES, TYPE_IDS, VALUES, VIEWS -> buffer.byteLength(column.length());
    };
  }

  /** Whether two columns have the same bytes, and so the same values. */
  static boolean sameBytes(ArrowColumn first, ArrowColumn second) {
    if (first == second) {
      return true;
    }
    if (first.length() != second.length() || first.nullCount() != second.nullCount()
        || first.bufferCount() != second.bufferCount()) {
      return false;
    }
    int fixed = first.layout().buffers().size();
    for (int i = 0; i < first.bufferCount(); i++) {
      MemorySegment bytes = needed(first, i, fixed);
      if (bytes.mismatch(needed(second, i, fixed)) >= 0) {
        return false;
      }
    }
    for (int i = 0; i < first.children().size(); i++) {
      if (!sameBytes(first.children().get(i), second.children().get(i))) {
        return false;
      }
    }
    return first.dictionary().isEmpty()
        || sameBytes(first.dictionary().get(), second.dictionary().orElseThrow());
  }

  private static MemorySegment needed(ArrowColumn column, int index, int fixed) {
    MemorySegment bytes = column.buffer(index).bytes();
    return index < fixed
        ? bytes.asSlice(0, needed(column, column.layout().buffers().get(index)))
        : bytes;
  }
}
