package io.tensorbridge.arrow.cdata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.BridgeException;
import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.BufferKind;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.arrow.c.ArrowArray;
import org.apache.arrow.c.ArrowArrayStream;
import org.apache.arrow.c.CDataDictionaryProvider;
import org.apache.arrow.c.Data;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.impl.UnionListWriter;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Arrow Java's own C Data interface, through JNI, in the same JVM. */
class ArrowJavaTest extends NothingLeft {
  private static final int ROWS = 37;

  private final Structs structs = new Structs();
  private final Arena arena = Arena.ofShared();
  private final BufferAllocator allocator = new RootAllocator();
  private final AtomicInteger released = new AtomicInteger();

  @AfterEach
  void free() {
    assertThat(allocator.getAllocatedMemory()).isZero();
    allocator.close();
    arena.close();
    structs.close();
  }

  /**
   * All types but those that Arrow Java 19 can't keep: it divides by the width of fixed_size_binary[0],
   * and has its own numbers for the children of sparse unions and their own order for dense ones.
   */
  static Stream<ArrowField> fields() {
    ArrowField item = ArrowField.of("item", new ArrowType.Int(8, true), true);
    ArrowField text = ArrowField.of("text", new ArrowType.Bytes(true, false), true);
    return Stream.concat(
        RandomColumn.fields().stream()
            .filter(
                field -> !(field.type() instanceof ArrowType.Union)
                    && !field.type().equals(new ArrowType.FixedSizeBinary(0))),
        Stream.of(
            ArrowField.of("u", new ArrowType.Union(true, List.of(0, 1)), true, item, text),
            ArrowField.of("u", new ArrowType.Union(false, List.of(2, 24)), true, item, text),
            ArrowField.of("w", new ArrowType.FixedSizeBinary(5), true)));
  }

  @ParameterizedTest
  @MethodSource("fields")
  void columnsGoToArrowJavaAndComeBack(ArrowField field) {
    for (int rows : List.of(ROWS, 1, 0)) {
      ArrowColumn column = RandomColumn.of(field, rows, rows, arena);
      long schema = structs.schema();
      long array = structs.array();
      ArrowExport.field(field, schema);
      ArrowExport.column(Owned.of(column, released::incrementAndGet), array);
      long schemaBack = structs.schema();
      long arrayBack = structs.array();
      try (CDataDictionaryProvider dictionaries = new CDataDictionaryProvider();
          FieldVector vector =
              Data.importVector(
                  allocator, ArrowArray.wrap(array),
                  org.apache.arrow.c.ArrowSchema.wrap(schema), dictionaries)) {
        assertThat(vector.getValueCount()).isEqualTo(rows);
        assertThat(vector.getNullCount()).isEqualTo((int) column.nullCount());
        Data.exportVector(
            allocator, vector, dictionaries, ArrowArray.wrap(arrayBack),
            org.apache.arrow.c.ArrowSchema.wrap(schemaBack));
      }
      ArrowField fieldBack = ArrowImport.field(schemaBack);
      assertThat(fieldBack.typeText()).isEqualTo(field.typeText());
      try (Owned<ArrowColumn> back = ArrowImport.column(fieldBack, arrayBack)) {
        assertThat(Rows.of(back.value())).isEqualTo(Rows.of(column));
      }
      assertThat(released.getAndSet(0)).isEqualTo(1);
    }
  }

  @Test
  void vectorsOfArrowJavaAreReadInPlace() {
    long schema = structs.schema();
    long array = structs.array();
    try (BigIntVector numbers = new BigIntVector("n", allocator);
        VarCharVector texts = new VarCharVector("t", allocator);
        ListVector lists = ListVector.empty("l", allocator)) {
      UnionListWriter writer = lists.getWriter();
      for (int row = 0; row < ROWS; row++) {
        writer.setPosition(row);
        if (row % 5 == 0) {
          numbers.setNull(row);
          texts.setNull(row);
        } else {
          numbers.setSafe(row, row * 10_000_000_000L);
          texts.setSafe(row, ("größe " + row).getBytes(StandardCharsets.UTF_8));
          writer.startList();
          for (int i = 0; i < row % 4; i++) {
            writer.writeInt(row + i);
          }
          writer.endList();
        }
      }
      numbers.setValueCount(ROWS);
      texts.setValueCount(ROWS);
      lists.setValueCount(ROWS);
      VectorSchemaRoot root = VectorSchemaRoot.of(numbers, texts, lists);
      Data.exportVectorSchemaRoot(
          allocator, root, null, ArrowArray.wrap(array),
          org.apache.arrow.c.ArrowSchema.wrap(schema));
      ArrowSchema columns = ArrowImport.schema(schema);
      assertThat(columns.fields()).extracting(ArrowField::toString)
          .containsExactly("n: int64", "t: utf8", "l: list<int32>");
      try (Owned<ArrowBatch> batch = ArrowImport.batch(columns, array)) {
        ArrowColumn n = batch.value().columns().get(0);
        ArrowColumn t = batch.value().columns().get(1);
        ArrowColumn l = batch.value().columns().get(2);
        assertThat(n.buffer(BufferKind.VALUES).address()).isEqualTo(numbers.getDataBufferAddress());
        assertThat(n.nullCount()).isEqualTo(8);
        for (int row = 0; row < ROWS; row++) {
          assertThat(n.isNull(row)).isEqualTo(row % 5 == 0);
          if (row % 5 != 0) {
            assertThat(n.integer(row)).isEqualTo(row * 10_000_000_000L);
            assertThat(t.text(row)).isEqualTo("größe " + row);
            assertThat(l.extent(row).length()).isEqualTo(row % 4);
            if (row % 4 > 0) {
              assertThat(l.children().getFirst().integer(l.extent(row).begin())).isEqualTo(row);
            }
          }
        }
      }
    }
  }

  @Test
  void batchesBecomeRootsOfArrowJava() {
    ArrowField n = ArrowField.of("n", new ArrowType.Int(32, true), true);
    ArrowField t = ArrowField.of("t", new ArrowType.Bytes(false, false), true);
    ArrowBatch batch =
        new ArrowBatch(ROWS, List.of(RandomColumn.of(n, ROWS, 1, arena),
            RandomColumn.of(t, ROWS, 2, arena)));
    long schema = structs.schema();
    long array = structs.array();
    ArrowExport.schema(new ArrowSchema(List.of(n, t), Map.of("k", "v")), schema);
    ArrowExport.batch(Owned.of(batch, released::incrementAndGet), array);
    try (CDataDictionaryProvider dictionaries = new CDataDictionaryProvider();
        VectorSchemaRoot root =
            Data.importVectorSchemaRoot(
                allocator, ArrowArray.wrap(array), org.apache.arrow.c.ArrowSchema.wrap(schema),
                dictionaries)) {
      assertThat(root.getSchema().getCustomMetadata()).containsExactly(Map.entry("k", "v"));
      IntVector numbers = (IntVector) root.getVector("n");
      ArrowColumn column = batch.columns().getFirst();
      assertThat(numbers.getDataBufferAddress())
          .isEqualTo(column.buffer(BufferKind.VALUES).address());
      for (int row = 0; row < ROWS; row++) {
        assertThat(numbers.isNull(row)).isEqualTo(column.isNull(row));
        if (!column.isNull(row)) {
          assertThat(numbers.get(row)).isEqualTo((int) column.integer(row));
        }
      }
      assertThat(released).hasValue(0);
    }
    assertThat(released).hasValue(1);
  }

  @Test
  void streamsGoToArrowJavaAndComeBack() throws IOException {
    ArrowField t = ArrowField.of("t", new ArrowType.Bytes(true, false), true);
    ArrowSchema schema = new ArrowSchema(List.of(t), Map.of());
    List<ArrowBatch> batches = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      batches.add(new ArrowBatch(10, List.of(RandomColumn.of(t, 10, i, arena))));
    }
    long struct = structs.stream();
    ArrowExport.stream(BatchStream.of(schema, batches, released::incrementAndGet), struct);
    long again = structs.stream();
    ArrowReader reader = Data.importArrayStream(allocator, ArrowArrayStream.wrap(struct));
    Data.exportArrayStream(allocator, reader, ArrowArrayStream.wrap(again));
    int count = 0;
    try (BatchStream back = ArrowImport.stream(again)) {
      assertThat(back.schema()).isEqualTo(schema);
      for (Optional<Owned<ArrowBatch>> next = back.next(); next.isPresent(); next = back.next()) {
        try (Owned<ArrowBatch> batch = next.get()) {
          assertThat(Rows.of(batch.value().columns().getFirst()))
              .isEqualTo(Rows.of(batches.get(count++).columns().getFirst()));
        }
      }
    }
    assertThat(count).isEqualTo(3);
    assertThat(released).hasValue(1);
  }

  @Test
  void failuresOfStreamsReachArrowJava() throws IOException {
    BatchStream failing = failing();
    long struct = structs.stream();
    ArrowExport.stream(failing, struct);
    try (ArrowReader reader = Data.importArrayStream(allocator, ArrowArrayStream.wrap(struct))) {
      assertThatThrownBy(reader::loadNextBatch)
          .isInstanceOf(IOException.class)
          .hasMessageContaining("a layer is missing");
    }
    assertThat(released).hasValue(1);
  }

  @Test
  void failuresOfArrowJavaReachUs() throws IOException {
    long struct = structs.stream();
    ArrowExport.stream(failing(), struct);
    long again = structs.stream();
    ArrowReader reader = Data.importArrayStream(allocator, ArrowArrayStream.wrap(struct));
    Data.exportArrayStream(allocator, reader, ArrowArrayStream.wrap(again));
    try (BatchStream back = ArrowImport.stream(again)) {
      assertThatThrownBy(back::next)
          .isInstanceOf(BridgeException.class)
          .hasMessageContaining("error 5")
          .hasMessageContaining("a layer is missing");
    }
    assertThat(released).hasValue(1);
  }

  private BatchStream failing() {
    ArrowSchema schema =
        new ArrowSchema(List.of(ArrowField.of("n", new ArrowType.Int(8, true), true)), Map.of());
    return new BatchStream() {
      @Override
      public ArrowSchema schema() {
        return schema;
      }

      @Override
      public Optional<Owned<ArrowBatch>> next() {
        throw new IllegalStateException("a layer is missing");
      }

      @Override
      public void close() {
        released.incrementAndGet();
      }
    };
  }
}
