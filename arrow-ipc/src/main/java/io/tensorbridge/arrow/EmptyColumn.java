package io.tensorbridge.arrow;

import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/** Columns without rows. */
final class EmptyColumn {
  static final ArrowField NULLS = ArrowField.of("", new ArrowType.Null(), true);

  private EmptyColumn() {}

  static ArrowColumn of(ArrowField field) {
    int buffers = field.storageType().layout().buffers().size();
    List<ArrowColumn> children = field.storageChildren().stream().map(EmptyColumn::of).toList();
    Optional<ArrowColumn> dictionary = field.dictionary().map(_ -> of(field.valueField()));
    return ArrowColumn.of(field, 0, 0, Collections.nCopies(buffers, MemorySegment.NULL), children,
        dictionary);
  }
}
