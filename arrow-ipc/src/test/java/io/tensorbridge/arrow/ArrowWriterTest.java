package io.tensorbridge.arrow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.FormatException;
import io.tensorbridge.Region;
import io.tensorbridge.ResourceException;
import io.tensorbridge.arrow.fuzz.FuzzedArrow;
import io.tensorbridge.shm.SharedRegion;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ArrowWriterTest {
  private static final ArrowField INT32 = ArrowField.of("x", new ArrowType.Int(32, true), false);

  @TempDir
  private Path directory;

  private static Path golden(String name) {
    return FuzzedArrow.files("golden-layouts").stream()
        .filter(file -> file.endsWith(name + ".arrow")).findAny().orElseThrow();
  }

  @Test
  void aLoanIsFilledInPlaceAndFoundWhenItIsPublished() {
    ArrowField pairs = ArrowField.of("pairs", new ArrowType.FixedSizeList(2), false, INT32);
    ArrowField bits = ArrowField.of("bits", new ArrowType.Bool(), true);
    ArrowField struct = ArrowField.of("struct", new ArrowType.Struct(), true, bits, INT32);
    ArrowSchema schema = new ArrowSchema(List.of(INT32, pairs, struct), Map.of("k", "v"));
    List<BatchPlan> plans = List.of(BatchPlan.reserved(schema, 9), BatchPlan.reserved(schema, 1));
    long length = ArrowLoan.byteLength(schema, plans);
    try (SharedRegion shared = SharedRegion.create("loan", length, Access.READWRITE)) {
      Region region = shared.region();
      try (ArrowLoan loan = ArrowLoan.in(region, 0, schema, plans)) {
        assertThat(loan.byteLength()).isEqualTo(length);
        assertThat(region.leaseCount()).isEqualTo(1);
        for (ArrowBatch batch : loan.batches()) {
          fill(batch.columns().get(0).buffer(BufferKind.VALUES), 10);
          fill(batch.columns().get(1).children().getFirst().buffer(BufferKind.VALUES), 20);
          assertThat(batch.columns().get(0).backing()).isEqualTo(Backing.SEALED);
          assertThat(batch.columns().get(0).buffers().getLast().address() % 64).isZero();
        }
        assertThatThrownBy(() -> ArrowFile.open(region)).isInstanceOf(FormatException.class);
        loan.publish();
      }
      try (ArrowFile file = ArrowFile.open(region)) {
        file.batches().forEach(batch -> batch.columns().forEach(ArrowColumn::validate));
        assertThat(file.schema()).isEqualTo(schema);
        assertThat(file.statistics().rowCount()).isEqualTo(10);
        assertThat(ColumnText.of(file.batches().get(1).columns().get(1))).isEqualTo("[[20, 21]]");
        assertThat(file.batches().getFirst().columns().getFirst().integer(8)).isEqualTo(18);
      }
      assertThat(region.leaseCount()).isZero();
    }
  }

  private static void fill(MemorySegment numbers, int first) {
    for (int i = 0; i < numbers.byteSize() / Integer.BYTES; i++) {
      numbers.setAtIndex(ValueLayout.JAVA_INT_UNALIGNED, i, first + i);
    }
  }

  @Test
  void whatIsNotPublishedIsNotFound() {
    ArrowSchema schema = new ArrowSchema(List.of(INT32), Map.of());
    List<BatchPlan> plans = List.of(BatchPlan.reserved(schema, 4));
    long length = ArrowLoan.byteLength(schema, plans);
    try (SharedRegion shared = SharedRegion.create("loan", length, Access.READWRITE)) {
      ArrowLoan.in(shared.region(), 0, schema, plans).close();
      assertThat(shared.region().leaseCount()).isZero();
      assertThatThrownBy(() -> ArrowFile.open(shared.region()))
          .isInstanceOf(FormatException.class);
      assertThatThrownBy(() -> ArrowLoan.in(shared.region(), 64, schema, plans))
          .isInstanceOf(ResourceException.class)
          .hasMessageContaining("byteLength");
      assertThat(shared.region().leaseCount()).isZero();
    }
  }

  @Test
  void onlyWhatDoesNotDependOnValuesIsReserved() {
    ArrowField text = ArrowField.of("t", new ArrowType.Bytes(true, false), false);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> BatchPlan.reserved(new ArrowSchema(List.of(text), Map.of()), 1))
        .withMessageContaining("t: utf8");
  }

  @Test
  void aFileThatIsNotFinishedLeavesNothing() {
    Path path = directory.resolve("unfinished.arrow");
    try (ArrowFile file = ArrowFile.open(golden("layouts"))) {
      ArrowBatch batch = file.batches().getFirst();
      ArrowWriter writer = ArrowWriter.toPath(path, file.schema(), WriteOptions.file());
      try (writer) {
        writer.write(batch);
      }
      assertThatThrownBy(() -> writer.write(batch)).isInstanceOf(BridgeClosedException.class);
    }
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void memoryThatIsTooSmallIsRefusedAndHoldsNothing() {
    try (ArrowFile file = ArrowFile.open(golden("layouts")); Arena arena = Arena.ofConfined()) {
      long length =
          ArrowWriter.byteLength(file.schema(), file.batches(), WriteOptions.file());
      MemorySegment memory = arena.allocate(length, 64);
      assertThatThrownBy(() -> write(file, memory.asSlice(0, length - 1)))
          .isInstanceOf(ResourceException.class);
      assertThatThrownBy(() -> ArrowFile.open(memory)).isInstanceOf(FormatException.class);
      write(file, memory);
      try (ArrowFile read = ArrowFile.open(memory)) {
        assertThat(texts(read)).isEqualTo(texts(file));
      }
    }
  }

  private static void write(ArrowFile file, MemorySegment target) {
    try (ArrowWriter writer =
        ArrowWriter.toMemory(target, file.schema(), WriteOptions.file())) {
      file.batches().forEach(writer::write);
      writer.finish();
    }
  }

  @Test
  void dictionariesThatChangeNeedAStream() {
    Path path = directory.resolve("changing.arrow");
    try (ArrowFile file = ArrowFile.open(golden("replaced"))) {
      assertThatThrownBy(() -> writeAll(file, path, WriteOptions.file()))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("write a stream");
      assertThat(directory).isEmptyDirectory();
      writeAll(file, path, WriteOptions.stream());
      try (ArrowFile read = ArrowFile.open(path)) {
        assertThat(texts(read)).isEqualTo(texts(file));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void dictionariesThatGrowAreToldByDeltas(boolean stream) {
    WriteOptions options = stream ? WriteOptions.stream() : WriteOptions.file();
    Path path = directory.resolve("growing.arrow");
    try (ArrowFile file = ArrowFile.open(golden("deltas"))) {
      writeAll(file, path, options);
      try (ArrowFile read = ArrowFile.open(path)) {
        read.batches().forEach(batch -> batch.columns().forEach(ArrowColumn::validate));
        assertThat(texts(read)).isEqualTo(texts(file));
        assertThat(dictionaryLengths(read))
            .isEqualTo(stream ? List.of(1L, 2L, 3L) : List.of(3L, 3L, 3L));
      }
      WriteOptions without = options.withoutDictionaryDeltas();
      if (stream) {
        long length = ArrowWriter.byteLength(file.schema(), file.batches(), options);
        assertThat(ArrowWriter.byteLength(file.schema(), file.batches(), without))
            .isGreaterThan(length);
      } else {
        assertThatThrownBy(() -> writeAll(file, path, without))
            .isInstanceOf(FormatException.class);
      }
    }
  }

  private static List<Long> dictionaryLengths(ArrowFile file) {
    return file.batches().stream()
        .map(batch -> batch.columns().getFirst().dictionary().orElseThrow().length()).toList();
  }

  @Test
  void aFileNeedsNoWordOfADictionaryThatShrinks() {
    Path path = directory.resolve("shrinking.arrow");
    try (ArrowFile file = ArrowFile.open(golden("deltas"))) {
      List<ArrowBatch> shrinking = file.batches().reversed();
      try (ArrowWriter writer =
          ArrowWriter.toPath(path, file.schema(), WriteOptions.file().withoutDictionaryDeltas())) {
        shrinking.forEach(writer::write);
        writer.finish();
      }
      try (ArrowFile read = ArrowFile.open(path)) {
        assertThat(texts(read.batches())).isEqualTo(texts(shrinking));
      }
    }
  }

  @Test
  void oneIdHasOneDictionaryInABatch() {
    ArrowField field = ArrowField.of("f", new ArrowType.Bytes(true, false), true)
        .withDictionary(new DictionaryEncoding(7, new ArrowType.Int(8, true), false));
    ArrowColumn small = indexed(field, "a");
    ArrowColumn large = indexed(field, "a", "b");
    ArrowSchema schema = new ArrowSchema(List.of(field, field), Map.of());
    for (List<ArrowColumn> columns : List.of(List.of(small, large), List.of(large, small))) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment memory = arena.allocate(1 << 16, 64);
        try (ArrowWriter writer =
            ArrowWriter.toMemory(memory, schema, WriteOptions.stream())) {
          writer.write(new ArrowBatch(1, columns));
          memory = memory.asSlice(0, writer.finish());
        }
        try (ArrowFile read = ArrowFile.open(memory)) {
          assertThat(texts(read)).isEqualTo(columns.stream().map(ColumnText::of).toList());
        }
      }
    }
    List<ArrowColumn> other = List.of(small, indexed(field, "c"));
    assertThatThrownBy(() -> ArrowWriter.byteLength(
        schema, List.of(new ArrowBatch(1, other)), WriteOptions.stream()))
        .isInstanceOf(FormatException.class).hasMessageContaining("ids of their own");
  }

  /** A row with the last value. */
  private static ArrowColumn indexed(ArrowField field, String... values) {
    MemorySegment offsets = MemorySegment.ofArray(
        IntStream.rangeClosed(0, values.length).toArray());
    MemorySegment bytes =
        MemorySegment.ofArray(String.join("", values).getBytes(StandardCharsets.UTF_8));
    ArrowColumn dictionary = ArrowColumn.of(field.valueField(), values.length, 0,
        List.of(MemorySegment.NULL, offsets, bytes), List.of(), Optional.empty());
    byte[] index = {(byte) (values.length - 1)};
    return ArrowColumn.of(field, 1, 0, List.of(MemorySegment.NULL, MemorySegment.ofArray(index)),
        List.of(), Optional.of(dictionary));
  }

  private static void writeAll(ArrowFile file, Path path, WriteOptions options) {
    try (ArrowWriter writer = ArrowWriter.toPath(path, file.schema(), options)) {
      file.batches().forEach(writer::write);
      writer.finish();
    }
  }

  private static List<String> texts(ArrowFile file) {
    return texts(file.batches());
  }

  private static List<String> texts(List<ArrowBatch> batches) {
    List<String> texts = new ArrayList<>();
    batches
        .forEach(batch -> batch.columns().forEach(column -> texts.add(ColumnText.of(column))));
    return texts;
  }

  @Test
  void statisticsTellOfCompression() {
    try (ArrowFile plain = ArrowFile.open(golden("layouts"));
        ArrowFile lz4 = ArrowFile.open(golden("layouts-stream-lz4"));
        ArrowFile zstd = ArrowFile.open(golden("layouts-zstd"))) {
      assertThat(texts(zstd)).isEqualTo(texts(lz4));
      assertThat(zstd.statistics().columns()).extracting(ArrowStatistics.Column::compressions)
          .contains(Set.of(ArrowCompression.ZSTD));
      assertThat(plain.statistics().columns())
          .allSatisfy(column -> assertThat(column.compressions()).isEmpty())
          .allSatisfy(column -> assertThat(column.storedBytes()).isEqualTo(column.byteLength()));
      assertThat(plain.statistics().batchCount()).isEqualTo(2);
      assertThat(zstd.statistics().rowCount()).isEqualTo(3);
    }
  }

  @Test
  void columnsOfAnotherSchemaAreRefused() {
    try (ArrowFile file = ArrowFile.open(golden("layouts"))) {
      ArrowSchema other = new ArrowSchema(List.of(INT32), Map.of());
      try (ArrowWriter writer =
          ArrowWriter.toPath(directory.resolve("a"), other, WriteOptions.file())) {
        assertThatIllegalArgumentException()
            .isThrownBy(() -> writer.write(file.batches().getFirst()))
            .withMessageContaining("x: int32");
      }
    }
  }
}
