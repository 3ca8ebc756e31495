package io.tensorbridge.arrow.vector;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.EveryType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.IntConsumer;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.vector.BaseFixedWidthVector;
import org.apache.arrow.vector.BaseIntVector;
import org.apache.arrow.vector.BitVectorHelper;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VariableWidthFieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.DenseUnionVector;
import org.apache.arrow.vector.complex.FixedSizeListVector;
import org.apache.arrow.vector.complex.LargeListVector;
import org.apache.arrow.vector.complex.LargeListViewVector;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.ListViewVector;
import org.apache.arrow.vector.complex.RunEndEncodedVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.complex.UnionVector;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.arrow.vector.util.DictionaryUtility;

/** Vectors of every type that Arrow Java has, filled by it. */
final class SampleVectors {
  private static final int DICTIONARY_ROWS = 5;

  private SampleVectors() {}

  /** The types of the format that Arrow Java has vectors for. */
  static ArrowSchema schema() {
    return new ArrowSchema(
        EveryType.fields().stream()
            .filter(field -> !(field.type() instanceof ArrowType.Decimal decimal
                && decimal.bits() < 128))
            .map(field -> field.type() instanceof ArrowType.FixedSizeBinary binary
                ? ArrowField.of("bytes", new ArrowType.FixedSizeBinary(binary.byteWidth() % 7 + 3),
                    true)
                : field)
            .toList(),
        Map.of("made by", "SampleVectors"));
  }

  static VectorTable create(BufferAllocator allocator, ArrowSchema schema, int rows) {
    Map<Long, Dictionary> dictionaries = new TreeMap<>();
    List<Field> fields = new ArrayList<>();
    List<FieldVector> vectors = new ArrayList<>();
    for (Field field : VectorSchemas.toJava(schema).getFields()) {
      Field inMemory = DictionaryUtility.toMemoryFormat(field, allocator, dictionaries);
      FieldVector vector = inMemory.createVector(allocator);
      fill(vector, rows, inMemory.isNullable());
      fields.add(inMemory);
      vectors.add(vector);
    }
    DictionaryProvider.MapDictionaryProvider provider =
        new DictionaryProvider.MapDictionaryProvider();
    for (Dictionary dictionary : dictionaries.values()) {
      fill(dictionary.getVector(), DICTIONARY_ROWS, true);
      provider.put(dictionary);
    }
    return new VectorTable(
        new VectorSchemaRoot(new Schema(fields, schema.metadata()), vectors, rows), provider);
  }

  /** Lists of no value to three each. */
  private static void fillLists(
      int rows, boolean nullable, IntConsumer start, BiConsumer<Integer, Integer> end) {
    for (int row = 0; row < rows; row++) {
      if (isSet(row, nullable)) {
        start.accept(row);
        end.accept(row, row % 4);
      }
    }
  }

  private static boolean isSet(int row, boolean nullable) {
    return !nullable || row % 3 != 1;
  }

  private static void fill(FieldVector vector, int rows, boolean nullable) {
    boolean indexes = vector.getField().getDictionary() != null;
    switch (vector) {
      case BaseFixedWidthVector fixed -> fillFixed(fixed, rows, nullable, indexes);
      case VariableWidthFieldVector text -> {
        text.allocateNew();
        for (int row = 0; row < rows; row++) {
          if (isSet(row, nullable)) {
            text.setSafe(row, ("row " + row + " of some text".repeat(row % 3))
                .getBytes(StandardCharsets.UTF_8));
          }
        }
        text.setValueCount(rows);
      }
      case ListVector list -> {
        list.allocateNew();
        fillLists(rows, nullable, list::startNewValue, list::endValue);
        list.setValueCount(rows);
        refill(list.getDataVector(), list.getDataVector().getValueCount());
      }
      case LargeListVector list -> {
        list.allocateNew();
        fillLists(rows, nullable, list::startNewValue, list::endValue);
        list.setValueCount(rows);
        refill(list.getDataVector(), list.getDataVector().getValueCount());
      }
      case ListViewVector list -> {
        list.allocateNew();
        fillLists(rows, false, list::startNewValue, list::endValue);
        list.setValueCount(rows);
        refill(list.getDataVector(), list.getDataVector().getValueCount());
      }
      case LargeListViewVector list -> {
        list.allocateNew();
        fillLists(rows, false, list::startNewValue, list::endValue);
        list.setValueCount(rows);
        refill(list.getDataVector(), list.getDataVector().getValueCount());
      }
      case FixedSizeListVector list -> {
        list.allocateNew();
        for (int row = 0; row < rows; row++) {
          if (isSet(row, nullable)) {
            list.setNotNull(row);
          }
        }
        list.setValueCount(rows);
        refill(list.getDataVector(), rows * list.getListSize());
      }
      case StructVector struct -> {
        struct.allocateNew();
        for (int row = 0; row < rows; row++) {
          if (isSet(row, nullable)) {
            struct.setIndexDefined(row);
          }
        }
        struct.setValueCount(rows);
        struct.getChildrenFromFields().forEach(child -> refill(child, rows));
      }
      case UnionVector union -> {
        union.allocateNew();
        for (int row = 0; row < rows; row++) {
          union.getTypeBuffer().setByte(row, row % 2 == 0 ? 5 : 0);
        }
        union.setValueCount(rows);
        union.getChildrenFromFields().forEach(child -> refill(child, rows));
      }
      case DenseUnionVector union -> {
        union.allocateNew();
        for (int row = 0; row < rows; row++) {
          union.getTypeBuffer().setByte(row, row % 2 == 0 ? 5 : 0);
          union.getOffsetBuffer().setInt(4L * row, row / 2);
        }
        union.setValueCount(rows);
        union.getChildrenFromFields().forEach(child -> refill(child, rows / 2 + 1));
      }
      case RunEndEncodedVector runs -> {
        runs.allocateNew();
        BaseIntVector ends = (BaseIntVector) runs.getRunEndsVector();
        for (int run = 0; 2 * run < rows; run++) {
          ends.setWithPossibleTruncate(run, Math.min(rows, 2 * run + 2));
        }
        ends.setValueCount((rows + 1) / 2);
        refill(runs.getValuesVector(), (rows + 1) / 2);
        runs.setValueCount(rows);
      }
      default -> vector.setValueCount(rows);
    }
  }

  private static void refill(FieldVector child, int rows) {
    child.clear();
    fill(child, rows, child.getField().isNullable());
  }

  private static void fillFixed(
      BaseFixedWidthVector vector, int rows, boolean nullable, boolean indexes) {
    vector.allocateNew(Math.max(1, rows));
    ArrowBuf values = vector.getDataBuffer();
    for (long at = 0; at < values.capacity(); at++) {
      values.setByte(at, indexes ? 0 : (int) (at * 7 % 113));
    }
    for (int row = 0; row < rows; row++) {
      if (indexes) {
        values.setByte((long) row * vector.getTypeWidth(), row % DICTIONARY_ROWS);
      }
      if (isSet(row, nullable)) {
        BitVectorHelper.setBit(vector.getValidityBuffer(), row);
      }
    }
    vector.setValueCount(rows);
  }

  /** Compares values; Arrow Java knows unions of its own type ids only, so their parts instead. */
  static void assertSame(FieldVector actual, FieldVector expected) {
    assertThat(actual.getField()).isEqualTo(expected.getField());
    assertThat(actual.getValueCount()).isEqualTo(expected.getValueCount());
    String what = expected.getField().toString();
    if (expected instanceof UnionVector || expected instanceof DenseUnionVector) {
      for (int row = 0; row < expected.getValueCount(); row++) {
        assertThat(actual.getFieldBuffers().getFirst().getByte(row)).as(what)
            .isEqualTo(expected.getFieldBuffers().getFirst().getByte(row));
      }
      for (int i = 0; i < expected.getChildrenFromFields().size(); i++) {
        assertSame(
            actual.getChildrenFromFields().get(i), expected.getChildrenFromFields().get(i));
      }
      return;
    }
    for (int row = 0; row < expected.getValueCount(); row++) {
      assertThat(actual.getObject(row)).as("%s, row %d", what, row)
          .isEqualTo(expected.getObject(row));
    }
  }
}
