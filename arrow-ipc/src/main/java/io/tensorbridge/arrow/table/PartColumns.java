package io.tensorbridge.arrow.table;

import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowType;
import java.util.List;
import java.util.function.Predicate;

/** The columns of the struct in {@code parts}. */
record PartColumns(ArrowColumn name, ArrowColumn dtype, ArrowColumn shape, ArrowColumn data) {
  private static final List<String> NAMES = List.of("name", "dtype", "shape", "data");
  private static final List<Predicate<ArrowField>> TYPES =
      List.of(
          LayerColumns::isText,
          LayerColumns::isText,
          LayerColumns::isIntList,
          LayerColumns::isBinary);

  /** Whether a field is a list of these four, in this order. */
  static boolean isPartList(ArrowField field) {
    return LayerColumns.isListOf(field, PartColumns::isPart);
  }

  private static boolean isPart(ArrowField field) {
    if (!(field.type() instanceof ArrowType.Struct) || field.children().size() != NAMES.size()) {
      return false;
    }
    for (int i = 0; i < NAMES.size(); i++) {
      ArrowField child = field.children().get(i);
      if (!child.name().equals(NAMES.get(i)) || child.dictionaryEncoded()
          || !TYPES.get(i).test(child)) {
        return false;
      }
    }
    return true;
  }

  static PartColumns of(ArrowColumn struct) {
    List<ArrowColumn> children = struct.children();
    return new PartColumns(children.get(0), children.get(1), children.get(2), children.get(3));
  }
}
