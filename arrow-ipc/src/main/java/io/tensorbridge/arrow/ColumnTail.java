package io.tensorbridge.arrow;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The last rows of a column as a column of their own, in place where that can be: for deltas. */
final class ColumnTail {
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Arena arena;

  private ColumnTail(Arena arena) {
    this.arena = arena;
  }

  /**
   * Whether columns of a field can be cut: not those whose rows may lie in any order in children, nor
   * those with dictionaries of their own, whose indexes could change their meaning.
   *
   * @param field any
   */
  static boolean canBegin(ArrowField field) {
    if (field.dictionaryEncoded()) {
      return false;
    }
    boolean inOrder = switch (field.type()) {
      case ArrowType.ListView _,ArrowType.Union _,ArrowType.RunEndEncoded _ -> false;
      case ArrowType.Null _,ArrowType.Bool _,ArrowType.Int _,ArrowType.Floating _,ArrowType.Decimal _,ArrowType.Date _,ArrowType.Time _,ArrowType.Timestamp _,ArrowType.Duration _,ArrowType.Interval _,ArrowType.FixedSizeBinary _,ArrowType.Bytes _,ArrowType.BytesView _,ArrowType.ListOf _,ArrowType.FixedSizeList _,ArrowType.Struct _,ArrowType.Map _ ->
          true;
    };
    return inOrder && field.children().stream().allMatch(ColumnTail::canBegin);
  }

  /**
   * Cuts a column.
   *
   * @param column of a field that can be cut
   * @param from the first row, at most the length
   * @param arena of what can't stay in place: offsets and bits
   */
  static ArrowColumn of(ArrowColumn column, long from, Arena arena) {
    return new ColumnTail(arena).rows(column, new ArrowColumn.Extent(from, column.length()));
  }

  private ArrowColumn rows(ArrowColumn column, ArrowColumn.Extent rows) {
    ArrowLayout layout = column.layout();
    ArrowColumn.Extent within = within(column, rows);
    List<MemorySegment> buffers = new ArrayList<>();
    for (BufferLayout buffer : layout.buffers()) {
      buffers.add(buffer(column, buffer, rows, within));
    }
    for (int i = layout.buffers().size(); i < column.bufferCount(); i++) {
      buffers.add(column.buffer(i).bytes());
    }
    if (layout.variadic()) {
      dropUnseen(buffers, layout.buffers().size(), rows.length());
    }
    List<ArrowColumn> children = new ArrayList<>();
    for (ArrowColumn child : column.children()) {
      children.add(rows(child, within));
    }
    return ArrowColumn.of(column.field(), rows.length(), nulls(column), buffers, children,
        Optional.empty());
  }

  private static long nulls(ArrowColumn column) {
    return column.layout().hasValidity() && column.nullCount() == 0 ? 0 : ArrowColumn.NOT_COUNTED;
  }

  /** The bytes, or the rows of each child, that rows take. */
  private static ArrowColumn.Extent within(ArrowColumn column, ArrowColumn.Extent rows) {
    if (column.field().type() instanceof ArrowType.FixedSizeList(int size)) {
      return new ArrowColumn.Extent(rows.begin() * size, rows.end() * size);
    }
    if (column.layout().indexOf(BufferKind.OFFSETS) < 0) {
      return rows;
    }
    return rows.length() == 0
        ? new ArrowColumn.Extent(0, 0)
        : new ArrowColumn.Extent(
            column.extent(rows.begin()).begin(), column.extent(rows.end() - 1).end());
  }

  private MemorySegment buffer(
      ArrowColumn column,
      BufferLayout buffer,
      ArrowColumn.Extent rows,
      ArrowColumn.Extent within) {
    if (buffer.kind() == BufferKind.VALIDITY && column.nullCount() == 0) {
      return MemorySegment.NULL;
    }
    MemorySegment bytes = column.buffer(buffer.kind());
    return switch (buffer.kind()) {
      case VALIDITY -> bits(bytes, rows);
      case OFFSETS -> offsets(column, rows, within, buffer.elementBits());
      case DATA -> bytes.asSlice(within.begin(), within.length());
      case VALUES -> buffer.elementBits() == 1 ? bits(bytes, rows) : slice(bytes, buffer, rows);
      case VIEWS -> slice(bytes, buffer, rows);
      case POSITIONS, SIZES, TYPE_IDS ->
          throw new IllegalStateException(column.field() + " can't be cut");
    };
  }

  private static MemorySegment slice(
      MemorySegment bytes, BufferLayout buffer, ArrowColumn.Extent rows) {
    return bytes.asSlice(buffer.byteLength(rows.begin()), buffer.byteLength(rows.length()));
  }

  private MemorySegment bits(MemorySegment bits, ArrowColumn.Extent rows) {
    MemorySegment copy = arena.allocate(Math.max(1, Math.ceilDiv(rows.length(), 8L)));
    for (long i = 0; i < rows.length(); i++) {
      long from = rows.begin() + i;
      int bit = bits.get(ValueLayout.JAVA_BYTE, from >> 3) >> (from & 7) & 1;
      byte before = copy.get(ValueLayout.JAVA_BYTE, i >> 3);
      copy.set(ValueLayout.JAVA_BYTE, i >> 3, (byte) (before | bit << (i & 7)));
    }
    return copy;
  }

  private MemorySegment offsets(
      ArrowColumn column, ArrowColumn.Extent rows, ArrowColumn.Extent within, long bits) {
    MemorySegment copy = arena.allocate((rows.length() + 1) * (bits / Byte.SIZE));
    for (long i = 0; i < rows.length(); i++) {
      long end = column.extent(rows.begin() + i).end() - within.begin();
      if (bits == Integer.SIZE) {
        copy.set(INT, (i + 1) * Integer.BYTES, Math.toIntExact(end));
      } else {
        copy.set(LONG, (i + 1) * Long.BYTES, end);
      }
    }
    return copy;
  }

  /** Leaves out the data buffers that no view leads to. */
  private void dropUnseen(List<MemorySegment> buffers, int fixed, long rows) {
    MemorySegment views = buffers.get(fixed - 1);
    boolean[] seen = new boolean[buffers.size()];
    for (long at = 0; at < rows * ArrowLayout.VIEW_BYTES; at += ArrowLayout.VIEW_BYTES) {
      int index = leadsTo(views, at, buffers.size() - fixed);
      if (index >= 0) {
        seen[fixed + index] = true;
      }
    }
    int[] moved = new int[buffers.size()];
    List<MemorySegment> kept = new ArrayList<>();
    for (int i = fixed; i < buffers.size(); i++) {
      moved[i] = kept.size();
      if (seen[i]) {
        kept.add(buffers.get(i));
      }
    }
    MemorySegment copy = arena.allocate(Math.max(1, views.byteSize()), Long.BYTES)
        .asSlice(0, views.byteSize());
    copy.copyFrom(views);
    for (long at = 0; at < rows * ArrowLayout.VIEW_BYTES; at += ArrowLayout.VIEW_BYTES) {
      int index = leadsTo(copy, at, buffers.size() - fixed);
      if (index >= 0) {
        copy.set(INT, at + 8, moved[fixed + index]);
      }
    }
    buffers.set(fixed - 1, copy);
    buffers.subList(fixed, buffers.size()).clear();
    buffers.addAll(kept);
  }

  /** The data buffer that a view leads to; -1 for none, as views of null rows may. */
  private static int leadsTo(MemorySegment views, long at, int count) {
    int index = views.get(INT, at + 8);
    boolean outside = views.get(INT, at) > ArrowColumn.INLINE_BYTES;
    return outside && index >= 0 && index < count ? index : -1;
  }
}
