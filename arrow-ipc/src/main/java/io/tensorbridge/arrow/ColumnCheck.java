package io.tensorbridge.arrow;

import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.ByteSource;
import java.util.List;

/** Checks that the parts of a column are as long as its rows need, but not what is in them. */
final class ColumnCheck {
  static final String COUNTS = "lengths and null counts that agree";
  static final String LONG_ENOUGH = "buffers as long as the column";
  static final String RUNS = "runs that cover the column";

  private final ArrowColumn column;
  private final ByteSource place;

  private ColumnCheck(ArrowColumn column, ByteSource place) {
    this.column = column;
    this.place = place;
  }

  /**
   * Checks a column, but not its children's own parts.
   *
   * @param place what an error names
   * @throws FormatException with the rule that is broken
   */
  static void requireConsistent(ArrowColumn column, ByteSource place) {
    ColumnCheck check = new ColumnCheck(column, place);
    check.requireCounts();
    check.requireBuffers();
    if (!column.field().dictionaryEncoded()) {
      check.requireChildren();
    }
  }

  private void requireCounts() {
    if (column.length() < 0 || column.nullCount() < 0 || column.nullCount() > column.length()) {
      throw place.broken(0, COUNTS, "the column \"" + column.field().name() + "\" of "
          + column.length() + " rows has " + column.nullCount() + " nulls");
    }
  }

  private void requireBuffers() {
    List<BufferLayout> layouts = column.layout().buffers();
    for (int i = 0; i < layouts.size(); i++) {
      BufferLayout layout = layouts.get(i);
      long rows = layout.kind() == BufferKind.VALIDITY && column.nullCount() == 0
          ? 0
          : column.length();
      if (column.buffer(i).size() < byteLength(layout, rows)) {
        throw tooShort("a buffer of " + column.buffer(i).size() + " bytes for its "
            + layout.kind().name().toLowerCase(java.util.Locale.ROOT).replace('_', ' '));
      }
    }
  }

  private static long byteLength(BufferLayout layout, long rows) {
    try {
      return layout.byteLength(rows);
    } catch (ArithmeticException tooLarge) {
      return Long.MAX_VALUE;
    }
  }

  private void requireChildren() {
    switch (column.field().type()) {
      case ArrowType.FixedSizeList(int size) -> {
        if (size > 0 && column.children().getFirst().length() / size < column.length()) {
          throw tooShort(column.children().getFirst().length() + " values");
        }
      }
      case ArrowType.Struct _ -> requireAsManyInEachChild();
      case ArrowType.Union(boolean dense, _) -> {
        if (!dense) {
          requireAsManyInEachChild();
        }
      }
      case ArrowType.RunEndEncoded _ -> requireRuns();
      case ArrowType.Null _,ArrowType.Bool _,ArrowType.Int _,ArrowType.Floating _,ArrowType.Decimal _,ArrowType.Date _,ArrowType.Time _,ArrowType.Timestamp _,ArrowType.Duration _,ArrowType.Interval _,ArrowType.FixedSizeBinary _,ArrowType.Bytes _,ArrowType.BytesView _,ArrowType.ListOf _,ArrowType.ListView _,ArrowType.Map _ -> {
        // what offsets lead to is checked where they are followed
      }
    }
  }

  private void requireAsManyInEachChild() {
    for (ArrowColumn child : column.children()) {
      if (child.length() < column.length()) {
        throw tooShort(child.length() + " values of \"" + child.field().name() + '"');
      }
    }
  }

  private void requireRuns() {
    ArrowColumn ends = column.children().getFirst();
    ArrowColumn values = column.children().getLast();
    if (ends.nullCount() > 0 || values.length() < ends.length()
        || (column.length() > 0
            && (ends.length() == 0 || ends.integer(ends.length() - 1) < column.length()))) {
      throw place.broken(0, RUNS, "the column \"" + column.field().name() + "\" of "
          + column.length() + " rows has " + ends.length() + " ends of runs, of which "
          + ends.nullCount() + " are null, the last is "
          + (ends.length() == 0 ? "missing" : ends.integer(ends.length() - 1)) + ", and "
          + values.length() + " values");
    }
  }

  private FormatException tooShort(String found) {
    return place.broken(0, LONG_ENOUGH, "the column \"" + column.field().name() + "\" ("
        + column.field().typeText() + ") of " + column.length() + " rows has " + found);
  }
}
