package io.tensorbridge.arrow.cdata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.FormatException;
import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.DictionaryEncoding;
import io.tensorbridge.arrow.internal.cdata.Memory;
import io.tensorbridge.arrow.internal.cdata.StructKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Structs that break a rule each: refused by name, released once, nothing left. */
class HostileStructTest extends NothingLeft {
  private static final int ROWS = 20;
  private static final ArrowField ITEM = ArrowField.of("item", new ArrowType.Int(8, true), true);
  private static final ArrowField INT = ArrowField.of("n", new ArrowType.Int(32, true), true);
  private static final ArrowField BOOL = ArrowField.of("b", new ArrowType.Bool(), false);
  private static final ArrowField TEXT = ArrowField.of("t", new ArrowType.Bytes(true, false), true);
  private static final ArrowField LARGE = ArrowField.of("t", new ArrowType.Bytes(true, true), true);
  private static final ArrowField VIEW = ArrowField.of("v", new ArrowType.BytesView(true), true);
  private static final ArrowField LIST =
      ArrowField.of("l", new ArrowType.ListOf(false), true, ITEM);
  private static final ArrowField FIXED =
      ArrowField.of("f", new ArrowType.FixedSizeList(3), true, ITEM);
  private static final ArrowField STRUCT =
      ArrowField.of("s", new ArrowType.Struct(), true, ITEM, TEXT);
  private static final ArrowField SPARSE =
      ArrowField.of("u", new ArrowType.Union(false, List.of(0, 1)), true, ITEM, TEXT);
  private static final ArrowField DENSE =
      ArrowField.of("u", new ArrowType.Union(true, List.of(0, 1)), true, ITEM, TEXT);
  private static final ArrowField RUNS =
      ArrowField.of(
          "r", new ArrowType.RunEndEncoded(), true,
          ArrowField.of("run_ends", new ArrowType.Int(16, true), false), ITEM);
  private static final ArrowField ENCODED =
      TEXT.withDictionary(new DictionaryEncoding(0, new ArrowType.Int(8, true), false));

  private final Structs structs = new Structs();
  private final Arena arena = Arena.ofShared();
  private final AtomicInteger released = new AtomicInteger();

  @AfterEach
  void free() {
    arena.close();
    structs.close();
  }

  private static Arguments broken(ArrowField field, LongConsumer breaks, String message) {
    return Arguments.of(field, breaks, message);
  }

  private static LongConsumer set(int member, long value) {
    return struct -> Memory.setWord(struct + member, value);
  }

  private static LongConsumer buffer(int index, long address) {
    return struct -> Memory.setWord(Memory.word(struct + StructKind.BUFFERS) + index * 8L, address);
  }

  private static LongConsumer inBuffer(int index, int offset, int value) {
    return struct -> Memory.setHalf(
        Memory.word(Memory.word(struct + StructKind.BUFFERS) + index * 8L) + offset, value);
  }

  private static LongConsumer child(int index, LongConsumer breaks) {
    return struct -> breaks.accept(Structs.child(StructKind.ARRAY, struct, index));
  }

  static Stream<Arguments> rules() {
    int dictionary = StructKind.ARRAY.dictionary();
    int children = StructKind.ARRAY.children();
    LongConsumer shifted = set(StructKind.OFFSET, 1);
    LongConsumer none = set(StructKind.LENGTH, 0).andThen(set(StructKind.NULL_COUNT, 0));
    return Stream.of(
        broken(INT, set(StructKind.LENGTH, -1), "length -1"),
        broken(INT, set(StructKind.LENGTH, Long.MIN_VALUE), "length -9223372036854775808"),
        broken(INT, set(StructKind.LENGTH, Long.MAX_VALUE / 2), "576460752303423488 bytes"),
        broken(
            INT, set(StructKind.LENGTH, Long.MAX_VALUE / 2).andThen(buffer(0, 0))
                .andThen(set(StructKind.NULL_COUNT, 0)),
            "elements of 4 bytes"),
        broken(BOOL, set(StructKind.LENGTH, Long.MAX_VALUE), "bytes"),
        broken(INT, set(StructKind.OFFSET, -1), "offset -1"),
        broken(INT, set(StructKind.OFFSET, Long.MAX_VALUE), "offset 9223372036854775807"),
        broken(INT, set(StructKind.OFFSET, Long.MAX_VALUE / 3), "from byte 384307168202282325"),
        broken(INT, set(StructKind.NULL_COUNT, -2), "null_count -2"),
        broken(INT, set(StructKind.NULL_COUNT, ROWS + 1), "null_count 21"),
        broken(INT, set(StructKind.BUFFER_COUNT, 0), "n_buffers is 0 where 2 are needed"),
        broken(INT, set(StructKind.BUFFER_COUNT, -1), "n_buffers is -1"),
        broken(INT, set(StructKind.BUFFER_COUNT, 1L << 60), "n_buffers is 1152921504606846976"),
        broken(VIEW, set(StructKind.BUFFER_COUNT, 2), "n_buffers is 2 where 3 or more are needed"),
        broken(VIEW, set(StructKind.BUFFER_COUNT, Long.MAX_VALUE), "n_buffers is"),
        broken(INT, set(StructKind.BUFFERS, 0), "buffers is 0x0"),
        broken(INT, set(StructKind.BUFFERS, -8), "buffers is 0xfffffffffffffff8"),
        broken(INT, buffer(1, 0), "VALUES is null"),
        broken(INT, buffer(1, -1), "a buffer at 0xffffffffffffffff"),
        broken(INT, buffer(1, Long.MAX_VALUE - 8), "a buffer at 0x7ffffffffffffff7"),
        broken(INT, buffer(0, 0).andThen(set(StructKind.NULL_COUNT, 2)), "there is no validity"),
        broken(TEXT, buffer(1, 0), "OFFSETS is null"),
        broken(TEXT, buffer(2, 0), "DATA is null"),
        broken(TEXT, inBuffer(1, ROWS * 4, -3), "its last offset is -3"),
        broken(LARGE, inBuffer(1, ROWS * 8 + 4, Integer.MIN_VALUE), "its last offset is -"),
        broken(LARGE, inBuffer(1, ROWS * 8 + 4, Integer.MAX_VALUE), "bytes from byte 0"),
        broken(VIEW, buffer(4, 0), "lengths is null"),
        broken(VIEW, inBuffer(4, 4, -1), "its buffer 0 of data has -"),
        broken(VIEW, buffer(3, 0), "DATA is null"),
        broken(LIST, set(StructKind.CHILD_COUNT, 0), "n_children is 0"),
        broken(LIST, set(StructKind.CHILD_COUNT, 2), "n_children is 2"),
        broken(LIST, set(StructKind.CHILD_COUNT, Long.MIN_VALUE), "n_children is -"),
        broken(INT, set(StructKind.CHILD_COUNT, 1), "n_children is 1 where int32 has 0"),
        broken(LIST, set(children, 0), "children is 0x0"),
        broken(LIST, set(children, 7), "children is 0x7"),
        broken(
            LIST, struct -> Memory.setWord(Memory.word(struct + children), 0),
            "\"item\" of the imported struct: its address is 0x0"),
        broken(
            LIST, child(0, set(StructKind.LENGTH, -4)),
            "\"item\" of the imported struct: length -4"),
        broken(STRUCT, child(1, set(StructKind.LENGTH, ROWS - 1)), "\"t\" of the imported struct"),
        broken(STRUCT, shifted, "rows up to 1 + 20"),
        broken(SPARSE, child(0, set(StructKind.LENGTH, ROWS - 1)), "its length is 19"),
        broken(SPARSE, buffer(0, 0), "TYPE_IDS is null"),
        broken(DENSE, buffer(1, 0), "POSITIONS is null"),
        broken(DENSE, set(StructKind.BUFFER_COUNT, 3), "n_buffers is 3 where 2 are needed"),
        broken(FIXED, child(0, set(StructKind.LENGTH, 3 * ROWS - 1)), "its length is 59"),
        broken(
            FIXED,
            set(StructKind.LENGTH, Long.MAX_VALUE / 2).andThen(set(StructKind.NULL_COUNT, 0)),
            "elements of 3 bytes"),
        broken(RUNS, child(0, none), "runs that cover the column"),
        broken(RUNS, child(0, none).andThen(shifted), "no run holds row 20"),
        broken(RUNS, child(1, none).andThen(shifted), "its length is 0"),
        broken(RUNS, child(1, none), "runs that cover the column"),
        broken(RUNS, set(StructKind.BUFFER_COUNT, 1).andThen(shifted), "n_buffers is 1"),
        broken(RUNS, set(StructKind.CHILD_COUNT, 1).andThen(shifted), "n_children is 1"),
        broken(ENCODED, set(dictionary, 0), "no dictionary"),
        broken(ENCODED, set(dictionary, 12), "\"dictionary\" of the imported struct"),
        broken(INT, struct -> Memory.setWord(struct + dictionary, struct), "a dictionary where"),
        broken(
            ENCODED,
            struct -> Memory.setWord(
                Memory.word(struct + dictionary) + StructKind.LENGTH, Long.MAX_VALUE),
            "\"dictionary\" of the imported struct"));
  }

  @ParameterizedTest(name = "{2}")
  @MethodSource("rules")
  void brokenRulesAreNamedAndTheStructReleased(
      ArrowField field, LongConsumer breaks, String message) {
    long struct = exported(field);
    breaks.accept(struct);
    assertThatThrownBy(() -> ArrowImport.column(field, struct))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(message);
    assertThat(released).hasValue(1);
    assertThat(CStruct.ARRAY.isReleased(struct)).isTrue();
  }

  @Test
  void childrenThatAreReleasedAreRefused() {
    long struct = exported(LIST);
    CStruct.ARRAY.release(Structs.child(StructKind.ARRAY, struct, 0));
    assertThatThrownBy(() -> ArrowImport.column(LIST, struct))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("\"item\" of the imported struct: it is released");
    assertThat(released).hasValue(1);
  }

  @Test
  void structsThatAreReleasedOrNoneAreRefused() {
    long struct = structs.array();
    for (long address : new long[]{0, -8, struct, struct + 4}) {
      assertThatThrownBy(() -> ArrowImport.column(INT, address))
          .isInstanceOf(FormatException.class);
      assertThatThrownBy(() -> ArrowImport.stream(address)).isInstanceOf(FormatException.class);
    }
  }

  @Test
  void aStructCanBeImportedOnlyOnce() {
    long struct = exported(INT);
    try (Owned<ArrowColumn> first = ArrowImport.column(INT, struct)) {
      assertThatThrownBy(() -> ArrowImport.column(INT, struct))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("moved");
      assertThat(first.value().length()).isEqualTo(ROWS);
    }
    assertThat(released).hasValue(1);
  }

  @Test
  void arraysOfAnotherTypeAreRefusedAndReleased() {
    long struct = exported(STRUCT);
    assertThatThrownBy(() -> ArrowImport.column(INT, struct)).isInstanceOf(FormatException.class);
    assertThat(released).hasValue(1);
  }

  @Test
  void batchesWithNullRowsAreRefused() {
    ArrowColumn struct = RandomColumn.of(STRUCT, ROWS, 4, arena);
    assertThat(struct.nullCount()).isPositive();
    long address = structs.array();
    ArrowExport.column(Owned.of(struct, released::incrementAndGet), address);
    ArrowSchema schema = new ArrowSchema(STRUCT.children(), Map.of());
    assertThatThrownBy(() -> ArrowImport.batch(schema, address))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("import them as a column");
    assertThat(released).hasValue(1);
  }

  @Test
  void errorsNameColumnsOfBatchesByTheirPath() {
    ArrowField outer = ArrowField.of("outer", new ArrowType.Struct(), true, LIST);
    ArrowColumn column = RandomColumn.of(outer, ROWS, 3, arena);
    long struct = structs.array();
    ArrowExport.batch(
        Owned.of(new ArrowBatch(ROWS, List.of(column)), released::incrementAndGet), struct);
    child(0, child(0, child(0, set(StructKind.BUFFER_COUNT, 9)))).accept(struct);
    assertThatThrownBy(
        () -> ArrowImport.batch(new ArrowSchema(List.of(outer), Map.of()), struct))
        .isInstanceOf(FormatException.class)
        .hasMessageStartingWith("\"outer.l.item\" of the imported struct: n_buffers is 9");
    assertThat(released).hasValue(1);
  }

  /** Wild words in the numbers of structs, none of which are addresses. */
  @Test
  void anyNumbersEndInAColumnOrARefusal() {
    Random random = new Random(11);
    int[] members =
        {StructKind.LENGTH, StructKind.NULL_COUNT, StructKind.OFFSET, StructKind.BUFFER_COUNT,
            StructKind.CHILD_COUNT};
    long[] wild = {-1, 0, 1, 2, 3, 7, 8, 1L << 31, 1L << 62, Long.MAX_VALUE, Long.MIN_VALUE};
    int refused = 0;
    for (int round = 0; round < 2000; round++) {
      List<ArrowField> fields = RandomColumn.fields();
      ArrowField field = fields.get(random.nextInt(fields.size()));
      released.set(0);
      long struct = exported(field);
      for (int i = 0; i <= random.nextInt(2); i++) {
        int member = members[random.nextInt(members.length)];
        long value = wild[random.nextInt(wild.length)];
        // lengths that memory might really have are not to be seen in the struct
        if (member == StructKind.LENGTH || member == StructKind.OFFSET) {
          value = value > 8 && value <= 1L << 31 ? -value : value;
        }
        if (member == StructKind.BUFFER_COUNT && field.type().layout().variadic()) {
          value = value > 3 ? -value : value;
        }
        Memory.setWord(struct + member, value);
      }
      // offset 2^62 of bits is an address that nobody has: only the checks before are wanted
      if (Memory.word(struct + StructKind.OFFSET) + Memory.word(struct + StructKind.LENGTH) > 28) {
        Memory.setWord(struct + StructKind.BUFFER_COUNT, -1);
      }
      try (Owned<ArrowColumn> column = ArrowImport.column(field, struct)) {
        assertThat(column.value().length()).isNotNegative();
      } catch (FormatException expected) {
        refused++;
      }
      assertThat(released).hasValue(1);
    }
    assertThat(refused).isBetween(500, 1999);
  }

  private long exported(ArrowField field) {
    long struct = structs.array();
    ArrowColumn column = RandomColumn.of(field, ROWS, 3, arena);
    ArrowExport.column(Owned.of(column, released::incrementAndGet), struct);
    return struct;
  }

  @Test
  void runsThatDoNotRiseAreRefusedWhereTheyAreSliced() {
    ArrowColumn ends =
        ArrowColumn.of(
            RUNS.children().getFirst(), 3, 0,
            List.of(
                MemorySegment.NULL,
                arena.allocateFrom(ValueLayout.JAVA_SHORT, (short) 3, (short) 2, (short) 9)),
            List.of(), Optional.empty());
    ArrowColumn values = RandomColumn.of(ITEM, 3, 1, arena);
    ArrowColumn column =
        ArrowColumn.of(RUNS, 8, 0, List.of(), List.of(ends, values), Optional.empty());
    long struct = structs.array();
    ArrowExport.column(Owned.of(column, released::incrementAndGet), struct);
    Memory.setWord(struct + StructKind.OFFSET, 1);
    Memory.setWord(struct + StructKind.LENGTH, 7);
    assertThatThrownBy(() -> ArrowImport.column(RUNS, struct))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("run 1 ends with row 2");
    assertThat(released).hasValue(1);
  }

  @Test
  void badOffsetsWithinAreFoundWhereTheyAreFollowed() {
    MemorySegment offsets = arena.allocateFrom(ValueLayout.JAVA_INT, 0, 9, 5);
    MemorySegment data = arena.allocate(16);
    ArrowColumn column =
        ArrowColumn.of(
            TEXT, 2, 0, List.of(MemorySegment.NULL, offsets, data), List.of(),
            Optional.empty());
    long struct = structs.array();
    ArrowExport.column(Owned.of(column, released::incrementAndGet), struct);
    try (Owned<ArrowColumn> back = ArrowImport.column(TEXT, struct)) {
      assertThatThrownBy(() -> back.value().bytes(0)).isInstanceOf(FormatException.class);
    }
    assertThat(released).hasValue(1);
  }
}
