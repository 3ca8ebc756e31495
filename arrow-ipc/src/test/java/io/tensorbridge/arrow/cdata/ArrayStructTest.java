package io.tensorbridge.arrow.cdata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.Region;
import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.BufferKind;
import io.tensorbridge.arrow.internal.cdata.Memory;
import io.tensorbridge.arrow.internal.cdata.StructKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ArrayStructTest extends NothingLeft {
  private static final int ROWS = 71;

  private final Structs structs = new Structs();
  private final Arena arena = Arena.ofShared();
  private final AtomicInteger released = new AtomicInteger();

  @AfterEach
  void free() {
    arena.close();
    structs.close();
  }

  static Stream<ArrowField> fields() {
    return RandomColumn.fields().stream();
  }

  @ParameterizedTest
  @MethodSource("fields")
  void columnsComeBackOverTheSameMemory(ArrowField field) {
    for (int rows : List.of(ROWS, 8, 1, 0)) {
      ArrowColumn column = RandomColumn.of(field, rows, rows, arena);
      long struct = exported(column);
      try (Owned<ArrowColumn> back = ArrowImport.column(field, struct)) {
        assertThat(CStruct.ARRAY.isReleased(struct)).isTrue();
        assertThat(Rows.of(back.value())).isEqualTo(Rows.of(column));
        assertThat(back.value().nullCount()).isEqualTo(column.nullCount());
        requireSameMemory(back.value(), column);
      }
      assertThat(released.getAndSet(0)).isEqualTo(1);
    }
  }

  private static void requireSameMemory(ArrowColumn back, ArrowColumn column) {
    for (int i = 0; i < column.buffers().size(); i++) {
      MemorySegment here = back.buffers().get(i);
      assertThat(here.byteSize() == 0 || here.address() == column.buffers().get(i).address())
          .isTrue();
    }
  }

  @ParameterizedTest
  @MethodSource("fields")
  void slicesAreHonoured(ArrowField field) {
    ArrowColumn column = RandomColumn.of(field, ROWS, 5, arena);
    List<String> rows = Rows.of(column);
    for (int[] slice : new int[][]{{3, 60}, {8, 63}, {1, 70}, {70, 1}, {71, 0}, {64, 3}, {0, 9}}) {
      ArrowColumn back = sliced(column, slice[0], slice[1]);
      assertThat(Rows.of(back)).isEqualTo(rows.subList(slice[0], slice[0] + slice[1]));
    }
  }

  private ArrowColumn sliced(ArrowColumn column, int offset, int length) {
    long struct = exported(column);
    Memory.setWord(struct + StructKind.OFFSET, offset);
    Memory.setWord(struct + StructKind.LENGTH, length);
    if (column.nullCount() > 0) {
      Memory.setWord(struct + StructKind.NULL_COUNT, -1);
    }
    return ArrowImport.column(column.field(), struct, imported());
  }

  /** Ends with the test. */
  private Arena imported() {
    Arena confined = Arena.ofConfined();
    imports.add(confined);
    return confined;
  }

  private final List<Arena> imports = new ArrayList<>();

  @AfterEach
  @Override
  void nothingIsLeft() {
    imports.forEach(Arena::close);
    super.nothingIsLeft();
  }

  @ParameterizedTest
  @MethodSource("fields")
  void slicesOfSlicedStructsAreHonoured(ArrowField field) {
    ArrowColumn child = RandomColumn.of(field, ROWS, 6, arena);
    List<String> rows = Rows.of(child);
    long struct = structs.array();
    ArrowExport.batch(owned(new ArrowBatch(ROWS, List.of(child))), struct);
    long within = Structs.child(StructKind.ARRAY, struct, 0);
    Memory.setWord(within + StructKind.OFFSET, 5);
    Memory.setWord(within + StructKind.LENGTH, ROWS - 5);
    if (child.nullCount() > 0) {
      Memory.setWord(within + StructKind.NULL_COUNT, -1);
    }
    Memory.setWord(struct + StructKind.OFFSET, 6);
    Memory.setWord(struct + StructKind.LENGTH, ROWS - 20);
    ArrowSchema schema = new ArrowSchema(List.of(field), Map.of());

    ArrowBatch batch = ArrowImport.batch(schema, struct, imported());

    assertThat(batch.rowCount()).isEqualTo(ROWS - 20);
    assertThat(Rows.of(batch.columns().getFirst())).isEqualTo(rows.subList(11, 11 + ROWS - 20));
  }

  @Test
  void fixedSizeListsOfSlicesAreSlicedWithin() {
    ArrowField item = ArrowField.of("item", new ArrowType.Bool(), true);
    ArrowField inner = ArrowField.of("inner", new ArrowType.FixedSizeList(3), true, item);
    ArrowField outer = ArrowField.of("outer", new ArrowType.FixedSizeList(2), true, inner);
    ArrowColumn column = RandomColumn.of(outer, 20, 7, arena);
    assertThat(Rows.of(sliced(column, 3, 11))).isEqualTo(Rows.of(column).subList(3, 14));
  }

  @Test
  void nullsAreCountedIfTheProducerDidNot() {
    ArrowColumn column = RandomColumn.of(int32(), ROWS, 3, arena);
    assertThat(column.nullCount()).isPositive();
    long struct = exported(column);
    Memory.setWord(struct + StructKind.NULL_COUNT, -1);
    try (Owned<ArrowColumn> back = ArrowImport.column(int32(), struct)) {
      assertThat(back.value().nullCount()).isEqualTo(column.nullCount());
    }
  }

  @Test
  void emptyColumnsMayHaveNullBuffers() {
    for (ArrowField field : RandomColumn.fields()) {
      long struct = exported(RandomColumn.of(field, 0, 1, arena));
      long buffers = Memory.word(struct + StructKind.BUFFERS);
      for (int i = 0; i < Memory.word(struct + StructKind.BUFFER_COUNT); i++) {
        boolean lengths = field.type().layout().variadic() && i > 1;
        Memory.setWord(buffers + i * 8L, lengths ? Memory.word(buffers + i * 8L) : 0);
      }
      try (Owned<ArrowColumn> back = ArrowImport.column(field, struct)) {
        assertThat(back.value().length()).isZero();
      }
    }
  }

  @Test
  void importsEndWithTheirCloseAndNoViewOutlivesThem() {
    ArrowColumn column = RandomColumn.of(int32(), ROWS, 3, arena);
    Owned<ArrowColumn> owned = ArrowImport.column(int32(), exported(column));
    ArrowColumn view = owned.value();
    assertThat(ArrowImport.liveCount()).isEqualTo(1);
    assertThat(released).hasValue(0);
    owned.close();
    owned.close();
    assertThat(released).hasValue(1);
    assertThatThrownBy(() -> view.numbers(new ArrowColumn.Extent(0, 1)).copy(0, 1))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(owned::value).isInstanceOf(BridgeClosedException.class);
  }

  @Test
  void importsMayEndWithAConfinedArena() {
    ArrowColumn column = RandomColumn.of(int32(), ROWS, 3, arena);
    try (Arena confined = Arena.ofConfined()) {
      ArrowColumn view = ArrowImport.column(int32(), exported(column), confined);
      assertThat(Rows.of(view)).isEqualTo(Rows.of(column));
      assertThat(released).hasValue(0);
    }
    assertThat(released).hasValue(1);
  }

  @Test
  void whatIsImportedCanBeExportedAgain() {
    ArrowColumn column = RandomColumn.of(int32(), ROWS, 3, arena);
    long second = structs.array();
    ArrowExport.column(ArrowImport.column(int32(), exported(column)), second);
    try (Owned<ArrowColumn> back = ArrowImport.column(int32(), second)) {
      assertThat(Rows.of(back.value())).isEqualTo(Rows.of(column));
      assertThat(back.value().buffer(BufferKind.VALUES).address())
          .isEqualTo(column.buffer(BufferKind.VALUES).address());
      assertThat(released).hasValue(0);
    }
    assertThat(released).hasValue(1);
  }

  @Test
  void exportedMemoryIsMappedUntilTheConsumerReleases() {
    AtomicInteger unmapped = new AtomicInteger();
    Region region =
        new Region("r", arena.allocate(64), Access.READ, Backing.PRIVATE,
            unmapped::incrementAndGet);
    ArrowColumn column =
        ArrowColumn.of(int32(), 16, 0, List.of(MemorySegment.NULL, region.segment()), List.of(),
            Optional.empty());
    long struct = structs.array();
    ArrowExport.column(Owned.of(column, region.lease("a consumer in C")::close), struct);
    region.close();
    assertThat(unmapped).hasValue(0);
    assertThat(region.holders()).containsExactly("a consumer in C");
    CStruct.ARRAY.release(struct);
    assertThat(unmapped).hasValue(1);
    assertThat(CStruct.ARRAY.isReleased(struct)).isTrue();
    CStruct.ARRAY.release(struct);
    assertThat(unmapped).hasValue(1);
  }

  @Test
  void aStructThatIsReleasedAgainThroughACopyFindsNothing() {
    long struct = exported(RandomColumn.of(int32(), ROWS, 3, arena));
    long copy = structs.copy(CStruct.ARRAY, struct);
    CStruct.ARRAY.release(struct);
    CStruct.ARRAY.release(copy);
    assertThat(released).hasValue(1);
  }

  @Test
  void movedChildrenKeepTheMemoryUntilTheyAreReleased() {
    List<ArrowColumn> columns =
        List.of(RandomColumn.of(int32(), ROWS, 1, arena), RandomColumn.of(int32(), ROWS, 2, arena));
    long struct = structs.array();
    ArrowExport.batch(owned(new ArrowBatch(ROWS, columns)), struct);
    long child = Structs.child(StructKind.ARRAY, struct, 1);
    long moved = structs.copy(CStruct.ARRAY, child);
    Memory.setWord(child + StructKind.ARRAY.release(), 0);

    CStruct.ARRAY.release(struct);
    assertThat(released).hasValue(0);
    try (Owned<ArrowColumn> back = ArrowImport.column(int32(), moved)) {
      assertThat(Rows.of(back.value())).isEqualTo(Rows.of(columns.get(1)));
      assertThat(released).hasValue(0);
    }
    assertThat(released).hasValue(1);
  }

  @Test
  void movedDictionariesAndGrandchildrenKeepTheMemory() {
    ArrowField encoded =
        RandomColumn.fields().stream().filter(ArrowField::dictionaryEncoded).findAny()
            .orElseThrow();
    ArrowField list = ArrowField.of("l", new ArrowType.ListOf(false), true, encoded);
    ArrowColumn column = RandomColumn.of(list, ROWS, 1, arena);
    long struct = exported(column);
    long child = Structs.child(StructKind.ARRAY, struct, 0);
    long values = Memory.word(child + StructKind.ARRAY.dictionary());
    long moved = structs.copy(CStruct.ARRAY, values);
    Memory.setWord(values + StructKind.ARRAY.release(), 0);
    CStruct.ARRAY.release(child); // in place, before its parent
    CStruct.ARRAY.release(struct);
    assertThat(released).hasValue(0);
    CStruct.ARRAY.release(moved);
    assertThat(released).hasValue(1);
  }

  @Test
  void threadsReleaseMovedChildrenOnceAndForAll() throws InterruptedException {
    ArrowColumn column = RandomColumn.of(int32(), ROWS, 1, arena);
    for (int round = 0; round < 50; round++) {
      released.set(0);
      long struct = structs.array();
      ArrowExport.batch(
          owned(new ArrowBatch(ROWS, List.of(column, column, column, column))), struct);
      List<Long> all = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        long child = Structs.child(StructKind.ARRAY, struct, i);
        all.add(structs.copy(CStruct.ARRAY, child));
        Memory.setWord(child + StructKind.ARRAY.release(), 0);
      }
      all.add(struct);
      CountDownLatch start = new CountDownLatch(1);
      List<Thread> threads =
          all.stream()
              .map(
                  each -> Thread.ofPlatform()
                      .start(
                          () -> {
                            try {
                              start.await();
                            } catch (InterruptedException interrupted) {
                              throw new AssertionError(interrupted);
                            }
                            CStruct.ARRAY.release(each);
                          }))
              .toList();
      start.countDown();
      for (Thread thread : threads) {
        thread.join();
      }
      assertThat(released).hasValue(1);
    }
  }

  @Test
  void anOwnerThatThrowsDoesNotEndTheProcess() {
    long struct = structs.array();
    ArrowColumn column = RandomColumn.of(int32(), ROWS, 1, arena);
    ArrowExport.column(
        Owned.of(column, () -> {
          released.incrementAndGet();
          throw new ExpectedInTheLog();
        }),
        struct);
    CStruct.ARRAY.release(struct);
    assertThat(released).hasValue(1);
  }

  private static final class ExpectedInTheLog extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ExpectedInTheLog() {
      super("an owner that fails in a test; nothing is wrong", null, false, false);
    }
  }

  @Test
  void whatCannotBeExportedStaysWithTheCaller() {
    MemorySegment heap = MemorySegment.ofArray(new byte[64]);
    ArrowColumn column =
        ArrowColumn.of(int32(), 16, 0, List.of(MemorySegment.NULL, heap), List.of(),
            Optional.empty());
    long struct = structs.array();
    Owned<ArrowColumn> owned = owned(column);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ArrowExport.column(owned, struct))
        .withMessageContaining("on the Java heap");
    assertThatIllegalArgumentException().isThrownBy(() -> ArrowExport.column(owned, 4));
    assertThat(CStruct.ARRAY.isReleased(struct)).isTrue();
    assertThat(released).hasValue(0);
    owned.close();
    assertThat(released).hasValue(1);
    assertThatThrownBy(() -> ArrowExport.column(owned, struct))
        .isInstanceOf(BridgeClosedException.class);
  }

  @Test
  void whatWasGivenAwayIsNotClosedByItsFormerOwner() {
    Owned<ArrowColumn> owned = owned(RandomColumn.of(int32(), ROWS, 1, arena));
    long struct = structs.array();
    ArrowExport.column(owned, struct);
    owned.close();
    assertThat(released).hasValue(0);
    CStruct.ARRAY.release(struct);
    assertThat(released).hasValue(1);
  }

  @Test
  void batchesWithoutColumnsKeepTheirRows() {
    long struct = structs.array();
    ArrowExport.batch(Owned.unowned(new ArrowBatch(12, List.of())), struct);
    try (Owned<ArrowBatch> back =
        ArrowImport.batch(new ArrowSchema(List.of(), Map.of()), struct)) {
      assertThat(back.value().rowCount()).isEqualTo(12);
    }
  }

  @Test
  void bitsAreShiftedWhateverTheirNumber() {
    byte[] bytes = new byte[40];
    new java.util.Random(1).nextBytes(bytes);
    for (int shift = 1; shift < 8; shift++) {
      for (int count : List.of(1, 7, 8, 9, 55, 56, 57, 63, 64, 65, 120, 128, 129, 200)) {
        int size = (shift + count + 7) / 8;
        MemorySegment bits = MemorySegment.ofArray(bytes).asSlice(0, size);
        MemorySegment copy = ShiftedBits.copy(bits, shift, count, arena);
        for (int i = 0; i < count; i++) {
          int from = i + shift;
          assertThat(copy.get(ValueLayout.JAVA_BYTE, i / 8) >> i % 8 & 1)
              .isEqualTo(bytes[from / 8] >> from % 8 & 1);
        }
      }
    }
  }

  private static ArrowField int32() {
    return ArrowField.of("n", new ArrowType.Int(32, true), true);
  }

  private <T> Owned<T> owned(T value) {
    return Owned.of(value, released::incrementAndGet);
  }

  private long exported(ArrowColumn column) {
    long struct = structs.array();
    ArrowExport.column(owned(column), struct);
    return struct;
  }
}
