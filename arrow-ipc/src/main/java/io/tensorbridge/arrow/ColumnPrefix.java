package io.tensorbridge.arrow;

import java.lang.foreign.MemorySegment;

/** Whether a column begins with the rows of another one, whatever bytes they are stored in. */
final class ColumnPrefix {
  private ColumnPrefix() {}

  /**
   * Compares rows, floats by their bits.
   *
   * @param shorter a column without dictionaries
   * @param longer of the same type, at least as long
   */
  static boolean isPrefix(ArrowColumn shorter, ArrowColumn longer) {
    if (isStoredAlike(shorter, longer)) {
      return true;
    }
    for (long row = 0; row < shorter.length(); row++) {
      if (!same(shorter, row, longer, row)) {
        return false;
      }
    }
    return true;
  }

  /** The usual case: numbers or bytes that were added to, none of them null. */
  private static boolean isStoredAlike(ArrowColumn shorter, ArrowColumn longer) {
    ArrowLayout layout = shorter.layout();
    long rows = shorter.length();
    if (shorter.nullCount() > 0 || longer.nullCount() > 0 || rows == 0) {
      return false;
    }
    if (layout.valueBits() >= Byte.SIZE) {
      long bytes = layout.buffers().getLast().byteLength(rows);
      return same(shorter, longer, BufferKind.VALUES, bytes);
    }
    if (layout.indexOf(BufferKind.DATA) < 0) {
      return false;
    }
    long offsets = layout.buffers().get(layout.indexOf(BufferKind.OFFSETS)).byteLength(rows);
    return same(shorter, longer, BufferKind.OFFSETS, offsets)
        && same(shorter, longer, BufferKind.DATA, shorter.extent(rows - 1).end());
  }

  private static boolean same(
      ArrowColumn first, ArrowColumn second, BufferKind kind, long byteLength) {
    MemorySegment other = second.buffer(kind);
    return other.byteSize() >= byteLength
        && first.buffer(kind).asSlice(0, byteLength).mismatch(other.asSlice(0, byteLength)) < 0;
  }

  private static boolean same(ArrowColumn first, long row, ArrowColumn second, long other) {
    if (first.isNull(row) || second.isNull(other)) {
      return first.isNull(row) == second.isNull(other);
    }
    return switch (first.field().type()) {
      case ArrowType.Null _ -> true;
      case ArrowType.Bool _ -> first.bool(row) == second.bool(other);
      case ArrowType.FixedSizeBinary _,ArrowType.Bytes _,ArrowType.BytesView _ ->
          first.bytes(row).bytes().mismatch(second.bytes(other).bytes()) < 0;
      case ArrowType.Int _,ArrowType.Floating _,ArrowType.Decimal _,ArrowType.Date _,ArrowType.Time _,ArrowType.Timestamp _,ArrowType.Duration _,ArrowType.Interval _ ->
          number(first, row).mismatch(number(second, other)) < 0;
      case ArrowType.ListOf _,ArrowType.ListView _,ArrowType.FixedSizeList _,ArrowType.Map _ ->
          sameLists(first, row, second, other);
      case ArrowType.Struct _ -> {
        boolean same = true;
        for (int i = 0; same && i < first.children().size(); i++) {
          same = same(first.children().get(i), row, second.children().get(i), other);
        }
        yield same;
      }
      case ArrowType.Union _ -> {
        int child = first.childIndex(row);
        yield child == second.childIndex(other)
            && same(first.children().get(child), first.childRow(row),
                second.children().get(child), second.childRow(other));
      }
      case ArrowType.RunEndEncoded _ ->
          same(first.children().getLast(), first.run(row), second.children().getLast(),
              second.run(other));
    };
  }

  private static MemorySegment number(ArrowColumn column, long row) {
    return column.numbers(new ArrowColumn.Extent(row, row + 1)).bytes();
  }

  private static boolean sameLists(
      ArrowColumn first, long row, ArrowColumn second, long other) {
    ArrowColumn.Extent extent = first.extent(row);
    ArrowColumn.Extent otherExtent = second.extent(other);
    boolean same = extent.length() == otherExtent.length();
    for (long i = 0; same && i < extent.length(); i++) {
      same = same(first.children().getFirst(), extent.begin() + i,
          second.children().getFirst(), otherExtent.begin() + i);
    }
    return same;
  }
}
