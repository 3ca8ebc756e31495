package io.tensorbridge.arrow.cdata;

import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.shm.file.ByteSource;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** What rows hold, whatever the layout, so that columns can be compared. */
final class Rows {
  private Rows() {}

  static List<String> of(ArrowColumn column) {
    List<String> rows = new ArrayList<>();
    for (long row = 0; row < column.length(); row++) {
      rows.add(row(column, row));
    }
    return rows;
  }

  private static String row(ArrowColumn column, long row) {
    if (column.isNull(row)) {
      return "null";
    }
    if (column.dictionary().isPresent()) {
      return row(column.dictionary().get(), column.dictionaryIndex(row));
    }
    return switch (column.field().type()) {
      case ArrowType.Null _ -> "null";
      case ArrowType.Bool _ -> Boolean.toString(column.bool(row));
      case ArrowType.Int _,ArrowType.Floating _,ArrowType.Decimal _,ArrowType.Date _,ArrowType.Time _,ArrowType.Timestamp _,ArrowType.Duration _,ArrowType.Interval _ ->
          hex(column.numbers(new ArrowColumn.Extent(row, row + 1)));
      case ArrowType.FixedSizeBinary(int width) -> width == 0 ? "" : hex(column.bytes(row));
      case ArrowType.Bytes _,ArrowType.BytesView _ -> hex(column.bytes(row));
      case ArrowType.ListOf _,ArrowType.ListView _,ArrowType.FixedSizeList _,ArrowType.Map _ ->
          run(column.children().getFirst(), column.extent(row));
      case ArrowType.Struct _ ->
          column.children().stream().map(child -> row(child, row)).toList().toString();
      case ArrowType.Union _ ->
          column.childIndex(row) + ":"
              + row(column.children().get(column.childIndex(row)), column.childRow(row));
      case ArrowType.RunEndEncoded _ -> row(column.children().getLast(), column.run(row));
    };
  }

  private static String run(ArrowColumn values, ArrowColumn.Extent run) {
    List<String> rows = new ArrayList<>();
    for (long row = run.begin(); row < run.end(); row++) {
      rows.add(row(values, row));
    }
    return rows.toString();
  }

  private static String hex(ByteSource bytes) {
    return HexFormat.of().formatHex(bytes.copy(0, (int) bytes.size()));
  }
}
