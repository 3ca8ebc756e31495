package io.tensorbridge.arrow;

import io.tensorbridge.arrow.ArrowColumn.Extent;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;

/** The values of a column as layouts.py shows them. */
final class ColumnText {
  private ColumnText() {}

  static String of(ArrowColumn column) {
    return rows(column, new Extent(0, column.length()));
  }

  private static String rows(ArrowColumn column, Extent rows) {
    List<String> shown = new ArrayList<>();
    for (long row = rows.begin(); row < rows.end(); row++) {
      shown.add(value(column, row));
    }
    return "[" + String.join(", ", shown) + "]";
  }

  private static String value(ArrowColumn column, long row) {
    if (column.isNull(row)) {
      return "null";
    }
    if (column.dictionary().isPresent()) {
      return value(column.dictionary().get(), column.dictionaryIndex(row));
    }
    return switch (column.field().type()) {
      case ArrowType.Null _ -> "null";
      case ArrowType.Bool _ -> Boolean.toString(column.bool(row));
      case ArrowType.Int(int bits, boolean signed) ->
          signed ? Long.toString(column.integer(row)) : Long.toUnsignedString(column.integer(row));
      case ArrowType.Floating _ -> floating(column.floating(row));
      case ArrowType.Decimal _ -> column.decimal(row).toPlainString();
      case ArrowType.Date _,ArrowType.Time _,ArrowType.Timestamp _,ArrowType.Duration _ ->
          Long.toString(column.integer(row));
      case ArrowType.Interval _ -> hex(column.numbers(new Extent(row, row + 1)).copy(0, 16));
      case ArrowType.FixedSizeBinary _ -> bytes(column, row);
      case ArrowType.Bytes(boolean text, _) -> text ? column.text(row) : bytes(column, row);
      case ArrowType.BytesView(boolean text) -> text ? column.text(row) : bytes(column, row);
      case ArrowType.ListOf _,ArrowType.ListView _,ArrowType.FixedSizeList _ ->
          rows(column.children().getFirst(), column.extent(row));
      case ArrowType.Map _ -> rows(column.children().getFirst(), column.extent(row));
      case ArrowType.Struct _ -> struct(column, row);
      case ArrowType.Union _ ->
          value(column.children().get(column.childIndex(row)), column.childRow(row));
      case ArrowType.RunEndEncoded _ ->
          value(column.children().getLast(), column.run(row));
    };
  }

  private static String floating(double value) {
    return Double.isFinite(value) && value != 0
        ? String.format(Locale.ROOT, "%.25e", new BigDecimal(value)) // all digits, as Python
        : String.format(Locale.ROOT, "%.25e", value);
  }

  private static String bytes(ArrowColumn column, long row) {
    return hex(column.bytes(row).copy(0, (int) column.bytes(row).size()));
  }

  private static String hex(byte[] bytes) {
    return "x" + HexFormat.of().formatHex(bytes);
  }

  private static String struct(ArrowColumn column, long row) {
    List<String> shown = new ArrayList<>();
    for (ArrowColumn child : column.children()) {
      shown.add(value(child, row));
    }
    return "(" + String.join(", ", shown) + ")";
  }
}
