package io.tensorbridge.arrow.vector;

import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowLayout;
import io.tensorbridge.arrow.ArrowType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.dictionary.DictionaryProvider;

/** Turns vectors into columns over their buffers. */
final class VectorColumns {
  private final DictionaryProvider dictionaries;
  private final Map<Long, ArrowColumn> values = new HashMap<>();
  private final List<ArrowBuf> buffers = new ArrayList<>();

  VectorColumns(DictionaryProvider dictionaries) {
    this.dictionaries = dictionaries;
  }

  /** The buffers of all columns so far. */
  List<ArrowBuf> buffers() {
    return buffers;
  }

  List<ArrowColumn> of(List<ArrowField> fields, List<FieldVector> vectors) {
    List<ArrowColumn> columns = new ArrayList<>();
    for (int i = 0; i < fields.size(); i++) {
      columns.add(of(fields.get(i), vectors.get(i)));
    }
    return columns;
  }

  private ArrowColumn of(ArrowField field, FieldVector vector) {
    ArrowLayout layout = field.storageType().layout();
    long nulls = nullCount(field, layout, vector);
    List<MemorySegment> places = new ArrayList<>();
    for (ArrowBuf buffer : vector.getFieldBuffers()) {
      int index = places.size();
      boolean needed = index > 0 || !layout.hasValidity() || nulls > 0;
      places.add(needed ? bytes(buffer, index >= layout.buffers().size()) : MemorySegment.NULL);
    }
    List<ArrowColumn> children =
        of(field.storageChildren(), vector.getChildrenFromFields());
    return ArrowColumn.of(
        field, vector.getValueCount(), nulls, places, children, dictionary(field));
  }

  private static long nullCount(ArrowField field, ArrowLayout layout, FieldVector vector) {
    if (field.storageType() instanceof ArrowType.Null) {
      return vector.getValueCount();
    }
    return layout.hasValidity() ? vector.getNullCount() : 0;
  }

  private Optional<ArrowColumn> dictionary(ArrowField field) {
    if (field.dictionary().isEmpty()) {
      return Optional.empty();
    }
    long id = field.dictionary().get().id();
    ArrowColumn known = values.get(id);
    if (known == null) {
      known = of(field.valueField(), dictionaries.lookup(id).getVector());
      values.put(id, known);
    }
    return Optional.of(known);
  }

  /** The memory of a buffer: what vectors say that they wrote, or all that views may lead to. */
  @SuppressWarnings("restricted") // the view has the size that the buffer's own bounds allow
  private MemorySegment bytes(ArrowBuf buffer, boolean viewed) {
    long size = viewed ? buffer.capacity() : buffer.writerIndex();
    if (size == 0) {
      return MemorySegment.NULL;
    }
    buffers.add(buffer);
    return MemorySegment.ofAddress(buffer.memoryAddress()).reinterpret(size);
  }
}
