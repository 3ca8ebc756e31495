package io.tensorbridge.arrow;

import io.tensorbridge.FormatException;

/**
 * Checks every row of a column: offsets, views, type ids, indexes, ends of runs, text, the number
 * of nulls, and that compressed buffers can be decompressed. Takes time that grows with what the
 * buffers hold, though views may lead to the same bytes again and again.
 */
final class ColumnValidation {
  static final String NULLS = "as many nulls as the validity tells";
  static final String KEYS = "maps without null keys";
  static final String PREFIXES = "views that begin with the bytes they lead to";

  private final ArrowColumn column;

  private ColumnValidation(ArrowColumn column) {
    this.column = column;
  }

  /**
   * Checks a column with its children and its dictionary.
   *
   * @throws FormatException with the rule that is broken
   */
  static void requireValid(ArrowColumn column) {
    new ColumnValidation(column).requireValid();
    column.children().forEach(ColumnValidation::requireValid);
    column.dictionary().ifPresent(ColumnValidation::requireValid);
  }

  private void requireValid() {
    column.buffers(); // which decompresses them
    requireNulls();
    if (column.dictionary().isPresent()) {
      requireEachRow(column::dictionaryIndex);
      return;
    }
    switch (column.field().type()) {
      case ArrowType.Bytes(boolean text, _) -> {
        requireExtents();
        if (text) {
          requireEachRow(column::text);
        }
      }
      case ArrowType.BytesView(boolean text) -> {
        requireEachRow(column::bytes);
        requireEachRow(this::requirePrefix);
        if (text) {
          ViewedText.requireUtf8(column);
        }
      }
      case ArrowType.ListOf _,ArrowType.ListView _ -> requireExtents();
      case ArrowType.Map _ -> {
        requireExtents();
        requireKeys();
      }
      case ArrowType.Union _ -> {
        for (long row = 0; row < column.length(); row++) {
          column.childRow(row);
        }
      }
      case ArrowType.RunEndEncoded _ -> requireRisingEnds();
      case ArrowType.Null _,ArrowType.Bool _,ArrowType.Int _,ArrowType.Floating _,ArrowType.Decimal _,ArrowType.Date _,ArrowType.Time _,ArrowType.Timestamp _,ArrowType.Duration _,ArrowType.Interval _,ArrowType.FixedSizeBinary _,ArrowType.FixedSizeList _,ArrowType.Struct _ -> {
        // no value is impossible
      }
    }
  }

  /** A check of a row. */
  private interface RowCheck {
    void check(long row);
  }

  private void requireEachRow(RowCheck check) {
    for (long row = 0; row < column.length(); row++) {
      if (!column.isNull(row)) {
        check.check(row);
      }
    }
  }

  private void requireNulls() {
    if (column.layout().hasValidity() && column.nullCount() > 0) {
      long counted = column.countedNulls();
      if (counted != column.nullCount()) {
        throw column.buffer(0).broken(0, NULLS,
            "the column \"" + column.field().name() + "\" tells "
                + column.nullCount() + " nulls and has " + counted);
      }
    }
  }

  /** Also of rows that are null, which must lead somewhere, too. */
  private void requireExtents() {
    for (long row = 0; row < column.length(); row++) {
      column.extent(row);
    }
  }

  private void requireKeys() {
    ArrowColumn entries = column.children().getFirst();
    ArrowColumn keys = entries.children().getFirst();
    for (long row = 0; row < column.length(); row++) {
      if (!column.isNull(row) && keys.firstNull(column.extent(row)) >= 0) {
        throw column.buffer(1).broken(0, KEYS, "row " + row + " of the column \""
            + column.field().name() + "\" has a key that is null");
      }
    }
  }

  private void requirePrefix(long row) {
    ColumnBuffer views = column.buffer(column.layout().indexOf(BufferKind.VIEWS));
    long at = row * ArrowLayout.VIEW_BYTES;
    int size = views.intAt(at);
    if (size > ArrowColumn.INLINE_BYTES
        && views.intAt(at + 4) != ColumnBuffer.inMemory(column.bytes(row).bytes()).intAt(0)) {
      throw views.broken(at, PREFIXES, "row " + row + " of the column \"" + column.field().name()
          + "\" begins otherwise");
    }
  }

  private void requireRisingEnds() {
    ArrowColumn ends = column.children().getFirst();
    long before = 0;
    for (long i = 0; i < ends.length(); i++) {
      long end = ends.integer(i);
      if (end <= before) {
        throw ends.buffer(1).broken(0, ColumnCheck.RUNS, "run " + i
            + " of the column \"" + column.field().name() + "\" ends at " + end
            + ", the one before at "
            + before);
      }
      before = end;
    }
  }
}
