package io.tensorbridge.arrow.table;

import io.tensorbridge.FormatException;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.Shape;
import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowColumn.Extent;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowFile;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.shm.file.ByteSource;
import java.util.HashSet;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Finds the columns of a table of layers, and reads what both tables have.
 *
 * <p>An optional column of Arrow's type {@code null}, which PyArrow takes for a column of nothing
 * but {@code None}, counts as none.
 */
final class LayerColumns {
  static final String NAMES = "names without nulls";
  static final String DIFFERENT = "different names";
  static final String SHORT_TEXTS = "names that fit into the file";
  static final String SHAPES = "shapes of as many elements as there are";
  static final String NO_DICTIONARIES = "columns without dictionaries";

  private static final int MOST_USES = 4;

  private final ArrowFile file;
  private final String rule;
  private final String expected;
  private final Set<String> names = new HashSet<>();
  private ByteSource layer;
  private long textBytes;

  /**
   * Columns of a file.
   *
   * @param rule what is broken if they are other ones
   * @param expected the columns that there should be, in words
   */
  LayerColumns(ArrowFile file, String rule, String expected) {
    this.file = file;
    this.rule = rule;
    this.expected = expected;
    this.layer = file.source();
  }

  /** A column that must be there; its index. */
  int require(String name, Predicate<ArrowField> type) {
    int index = file.schema().indexOf(name);
    if (index < 0) {
      throw wrongColumns("the column \"" + name + "\" is missing");
    }
    requireType(file.schema().fields().get(index), type);
    return index;
  }

  /** A column that may be there; its index, or -1. */
  int find(String name, Predicate<ArrowField> type) {
    int index = file.schema().indexOf(name);
    if (index < 0 || isEmpty(file.schema().fields().get(index))) {
      return -1;
    }
    requireType(file.schema().fields().get(index), type);
    return index;
  }

  private static boolean isEmpty(ArrowField field) {
    return field.type() instanceof ArrowType.Null;
  }

  private void requireType(ArrowField field, Predicate<ArrowField> type) {
    if (field.dictionaryEncoded() && !isText(field)) {
      throw file.source().broken(0, NO_DICTIONARIES, "the column \"" + field.name()
          + "\" is a dictionary; decode it, for example with column.dictionary_decode()");
    }
    if (!type.test(field)) {
      throw wrongColumns("the column \"" + field.name() + "\" has another type");
    }
  }

  FormatException wrongColumns(String found) {
    return file.source().broken(0, rule, found + "; expected are " + expected + ", the file has "
        + file.schema());
  }

  /** The column of an index in a batch; null for -1. */
  static @Nullable ArrowColumn in(ArrowBatch batch, int index) {
    return index < 0 ? null : batch.columns().get(index);
  }

  /** Whether a row has a value. */
  static boolean has(@Nullable ArrowColumn column, long row) {
    return column != null && !column.isNull(row);
  }

  /** Texts, maybe in a dictionary. */
  static boolean isText(ArrowField field) {
    return isBytes(field, true);
  }

  static boolean isBinary(ArrowField field) {
    return isBytes(field, false);
  }

  private static boolean isBytes(ArrowField field, boolean wantText) {
    return (field.type() instanceof ArrowType.Bytes(boolean text, _) && text == wantText)
        || (field.type() instanceof ArrowType.BytesView(boolean viewed) && viewed == wantText);
  }

  static boolean isInt(ArrowField field) {
    return field.type() instanceof ArrowType.Int;
  }

  static boolean isIntList(ArrowField field) {
    return isListOf(field, LayerColumns::isInt);
  }

  static boolean isListOf(ArrowField field, Predicate<ArrowField> values) {
    boolean list =
        field.type() instanceof ArrowType.ListOf || field.type() instanceof ArrowType.ListView
            || field.type() instanceof ArrowType.FixedSizeList;
    return list && !field.children().getFirst().dictionaryEncoded()
        && values.test(field.children().getFirst());
  }

  /** The name of a row, which no other row has. */
  String name(ArrowColumn column, long row) {
    if (column.isNull(row) || isNullInDictionary(column, row)) {
      throw file.source().broken(0, NAMES, "row " + row + " of a batch has no layer_name");
    }
    layer = textBytes(column, row);
    String name = text(column, row);
    claim(name, layer);
    return name;
  }

  /**
   * The text of a row. Views may show the same bytes in every row, so that a small file could stand
   * for endless text: all texts together are bounded.
   */
  String text(ArrowColumn column, long row) {
    ByteSource bytes = textBytes(column, row);
    textBytes += bytes.size();
    if (textBytes / MOST_USES > file.source().size()) {
      throw bytes.broken(0, SHORT_TEXTS, "all names have far more bytes than the file");
    }
    return column.field().dictionaryEncoded()
        ? column.dictionary().orElseThrow().text(column.dictionaryIndex(row))
        : column.text(row);
  }

  private static boolean isNullInDictionary(ArrowColumn column, long row) {
    return column.field().dictionaryEncoded()
        && column.dictionary().orElseThrow().isNull(column.dictionaryIndex(row));
  }

  private static ByteSource textBytes(ArrowColumn column, long row) {
    return column.field().dictionaryEncoded()
        ? column.dictionary().orElseThrow().bytes(column.dictionaryIndex(row))
        : column.bytes(row);
  }

  /** Makes sure that a name is the only one. */
  void claim(String name, ByteSource at) {
    if (!names.add(name)) {
      throw at.broken(0, DIFFERENT, "\"" + name + "\" is there twice");
    }
  }

  /** The whole numbers of a row as a shape. */
  Shape shape(ArrowColumn column, long row, String name) {
    Extent extent = column.extent(row);
    ArrowColumn values = column.children().getFirst();
    if (extent.length() > Shape.MAX_RANK || values.firstNull(extent) >= 0) {
      throw wrongShape(name, extent.length() > Shape.MAX_RANK
          ? "of " + extent.length() + " dimensions"
          : "with a dimension that is null");
    }
    long[] dimensions = new long[(int) extent.length()];
    for (int i = 0; i < dimensions.length; i++) {
      dimensions[i] = values.integer(extent.begin() + i);
    }
    try {
      return Shape.of(dimensions);
    } catch (ProtocolException impossible) {
      throw wrongShape(name, ": " + impossible.getMessage());
    }
  }

  FormatException wrongShape(String name, String what) {
    return broken(SHAPES, name, "has a shape " + what);
  }

  /** The failure that a rule is broken in the layer whose name was read last. */
  FormatException broken(String brokenRule, String name, String what) {
    return layer.broken(0, brokenRule, "layer \"" + name + "\" " + what);
  }
}
