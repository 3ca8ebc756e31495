package io.tensorbridge.arrow.cdata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.FormatException;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.DictionaryEncoding;
import io.tensorbridge.arrow.EveryType;
import io.tensorbridge.arrow.internal.cdata.Memory;
import io.tensorbridge.arrow.internal.cdata.StructKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SchemaStructTest extends NothingLeft {
  private final Structs structs = new Structs();

  @AfterEach
  void free() {
    structs.close();
  }

  @Test
  void everyTypeComesBack() {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("z", "größe");
    metadata.put("a", "");
    List<ArrowField> fields =
        EveryType.fields().stream().map(SchemaStructTest::withFirstId).toList();
    ArrowSchema schema = new ArrowSchema(fields, metadata);
    long struct = structs.schema();

    ArrowExport.schema(schema, struct);
    assertThat(ArrowExport.liveCount()).isEqualTo(1);
    ArrowSchema back = ArrowImport.schema(struct);

    assertThat(back).isEqualTo(schema);
    assertThat(back.metadata().keySet()).containsExactly("z", "a");
    assertThat(CStruct.SCHEMA.isReleased(struct)).isTrue();
  }

  /** The interface knows no ids of dictionaries: they are counted anew. */
  private static ArrowField withFirstId(ArrowField field) {
    return field.dictionary()
        .map(
            encoding -> field.withDictionary(
                new DictionaryEncoding(0, encoding.indexType(), encoding.ordered())))
        .orElse(field);
  }

  /** The examples of the specification. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"n|null", "b|bool", "c|int8", "C|uint8", "s|int16", "S|uint16", "i|int32",
          "I|uint32",
          "l|int64", "L|uint64", "e|halffloat", "f|float", "g|double", "z|binary", "Z|large_binary",
          "vz|binary_view", "u|utf8", "U|large_utf8", "vu|utf8_view", "d:19,10|decimal128(19, 10)",
          "d:19,10,256|decimal256(19, 10)", "d:9,-2,32|decimal32(9, -2)",
          "w:42|fixed_size_binary[42]", "tdD|date32[day]", "tdm|date64[ms]", "tts|time32[s]",
          "ttm|time32[ms]", "ttu|time64[us]", "ttn|time64[ns]", "tss:|timestamp[s]",
          "tsu:UTC|timestamp[us, tz=UTC]", "tsn:+07:30|timestamp[ns, tz=+07:30]",
          "tDs|duration[s]", "tDm|duration[ms]", "tDu|duration[us]", "tDn|duration[ns]",
          "tiM|month_interval", "tiD|day_time_interval", "tin|month_day_nano_interval"})
  void formatsAreThoseOfTheSpecification(String format, String type) {
    ArrowType parsed = FormatString.parse(format, false);
    assertThat(parsed).hasToString(type);
    assertThat(FormatString.of(parsed)).isEqualTo(format);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "x", "d:", "d:19", "d:19,10,20", "d:39,0", "d:1,2,128,4", "w:", "w:-1", "w:x",
          "w:99999999999", "w", "tts:", "ttx", "tsx:", "tss", "ts", "t", "tix", "tDsx", "+", "+x",
          "+w:1,2", "+ud:1,1", "+us:128", "+us:1,", "+l:", "é"})
  void otherFormatsAreRefused(String format) {
    try (Arena arena = Arena.ofConfined()) {
      long struct = exported(new ArrowType.Int(8, true));
      Memory.setWord(struct + StructKind.FORMAT, arena.allocateFrom(format).address());
      assertThatThrownBy(() -> ArrowImport.field(struct))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("\"" + format + "\"");
      assertThat(CStruct.SCHEMA.isReleased(struct)).isTrue();
    }
  }

  @Test
  void unnamedFieldsAndNullNamesAreTheSame() {
    long struct = exported(new ArrowType.Int(8, true));
    Memory.setWord(struct + StructKind.NAME, 0);
    assertThat(ArrowImport.field(struct).name()).isEmpty();
  }

  @Test
  void wrongCountsAndPointersAreRefused() {
    refused(StructKind.FORMAT, 0, "format is null");
    refused(StructKind.CHILD_COUNT, -1, "n_children is -1");
    refused(StructKind.CHILD_COUNT, 1L << 40, "n_children is " + (1L << 40));
    refused(StructKind.CHILD_COUNT, 1, "its 1 children are null");
    refused(StructKind.SCHEMA.dictionary(), 3, "0x3");
  }

  private void refused(int member, long value, String message) {
    long struct = exported(new ArrowType.Int(8, true));
    Memory.setWord(struct + member, value);
    assertThatThrownBy(() -> ArrowImport.field(struct))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(message);
    assertThat(CStruct.SCHEMA.isReleased(struct)).isTrue();
    assertThat(ArrowExport.liveCount()).isZero();
  }

  @Test
  void childrenThatTheTypeDoesNotHaveAreRefusedByTheirPath() {
    ArrowField list =
        ArrowField.of(
            "outer", new ArrowType.Struct(), true,
            ArrowField.of(
                "inner", new ArrowType.ListOf(false), true,
                ArrowField.of("item", new ArrowType.Bool(), true)));
    long struct = structs.schema();
    ArrowExport.schema(new ArrowSchema(List.of(list), Map.of()), struct);
    long inner = Structs.child(StructKind.SCHEMA, Structs.child(StructKind.SCHEMA, struct, 0), 0);
    Memory.setWord(inner + StructKind.CHILD_COUNT, 0);
    assertThatThrownBy(() -> ArrowImport.schema(struct))
        .isInstanceOf(FormatException.class)
        .hasMessageStartingWith("\"outer.inner\" of the imported struct: ");
  }

  @Test
  void cyclesEnd() {
    ArrowField item = ArrowField.of("item", new ArrowType.Bool(), true);
    long struct = structs.schema();
    ArrowExport.field(
        ArrowField.of("s", new ArrowType.Struct(), true, item, item), struct);
    long children = Memory.word(struct + StructKind.SCHEMA.children());
    long first = Memory.word(children);
    Memory.setWord(first + StructKind.FORMAT, Memory.word(struct + StructKind.FORMAT));
    Memory.setWord(first + StructKind.CHILD_COUNT, 2);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment itself = arena.allocateFrom(ValueLayout.JAVA_LONG, first, first);
      Memory.setWord(first + StructKind.SCHEMA.children(), itself.address());
      assertThatThrownBy(() -> ArrowImport.field(struct))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("64 deep");
    }
  }

  @Test
  void wideCyclesEnd() {
    ArrowField item = ArrowField.of("item", new ArrowType.Bool(), true);
    long struct = structs.schema();
    ArrowExport.field(
        ArrowField.of("s", new ArrowType.Struct(), true, item, item), struct);
    long first = Structs.child(StructKind.SCHEMA, struct, 0);
    long second = Structs.child(StructKind.SCHEMA, struct, 1);
    try (Arena arena = Arena.ofConfined()) {
      // each level has a thousand times the level below, ten levels deep
      long below = second;
      for (int level = 0; level < 10; level++) {
        MemorySegment many = arena.allocate(ValueLayout.JAVA_LONG, 1000);
        for (int i = 0; i < 1000; i++) {
          many.setAtIndex(ValueLayout.JAVA_LONG, i, below);
        }
        below = structs.copy(CStruct.SCHEMA, first);
        Memory.setWord(below + StructKind.FORMAT, Memory.word(struct + StructKind.FORMAT));
        Memory.setWord(below + StructKind.CHILD_COUNT, 1000);
        Memory.setWord(below + StructKind.SCHEMA.children(), many.address());
      }
      Memory.setWord(Memory.word(struct + StructKind.SCHEMA.children()), below);
      assertThatThrownBy(() -> ArrowImport.field(struct))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("more than 1048576 fields");
    }
  }

  @Test
  void metadataWithWrongLengthsOrTextAreRefused() {
    metadataRefused(new int[]{-1}, "-1 as the length of pairs");
    metadataRefused(new int[]{1, -5}, "-5 as the length of a key");
    metadataRefused(new int[]{1, Integer.MAX_VALUE}, "length of a key");
    metadataRefused(new int[]{1, 4, 0x61616161, Integer.MIN_VALUE}, "the value of \"aaaa\"");
    metadataRefused(new int[]{1, 4, 0x61616161, 4, 0xFFFFFFFF}, "no character");
  }

  private void metadataRefused(int[] blob, String message) {
    try (Arena arena = Arena.ofConfined()) {
      refused(
          StructKind.METADATA, arena.allocateFrom(ValueLayout.JAVA_INT, blob).address(), message);
    }
  }

  @Test
  void dictionariesOfOtherThanPlainIndexesAreRefused() {
    ArrowField encoded =
        ArrowField.of("d", new ArrowType.Bytes(true, false), true)
            .withDictionary(new DictionaryEncoding(0, new ArrowType.Int(8, true), false));
    long struct = structs.schema();
    ArrowExport.field(encoded, struct);
    try (Arena arena = Arena.ofConfined()) {
      Memory.setWord(struct + StructKind.FORMAT, arena.allocateFrom("f").address());
      assertThatThrownBy(() -> ArrowImport.field(struct))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("indexes are float");
    }
  }

  @Test
  void metadataOfValuesJoinThoseOfTheField() {
    ArrowField encoded =
        new ArrowField("d", new ArrowType.Bytes(true, false), true,
            Optional.of(new DictionaryEncoding(0, new ArrowType.Int(8, true), false)), List.of(),
            Map.of("a", "1"));
    long struct = structs.schema();
    ArrowExport.field(encoded, struct);
    long values = Memory.word(struct + StructKind.SCHEMA.dictionary());
    assertThat(Memory.word(values + StructKind.METADATA)).isZero();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment blob =
          arena.allocateFrom(
              ValueLayout.JAVA_BYTE,
              MetadataBlob.encode(Map.of(ArrowField.EXTENSION_NAME, "arrow.json")));
      Memory.setWord(values + StructKind.METADATA, blob.address());
      assertThat(ArrowImport.field(struct).metadata())
          .containsOnly(
              Map.entry("a", "1"), Map.entry(ArrowField.EXTENSION_NAME, "arrow.json"));
    }
  }

  @Test
  void structsThatAreReleasedOrNoneAreRefused() {
    long struct = structs.schema();
    assertThatThrownBy(() -> ArrowImport.field(struct))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("released");
    assertThatThrownBy(() -> ArrowImport.schema(0)).isInstanceOf(FormatException.class);
    assertThatThrownBy(() -> ArrowImport.schema(-8)).isInstanceOf(FormatException.class);
    assertThatThrownBy(() -> ArrowImport.schema(struct + 1)).isInstanceOf(FormatException.class);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ArrowExport.field(EveryType.fields().getFirst(), 0));
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> ArrowExport.field(ArrowField.of("a\0b", new ArrowType.Bool(), true), struct))
        .withMessageContaining("a\\0b");
    assertThat(CStruct.SCHEMA.isReleased(struct)).isTrue();
  }

  @Test
  void otherTypesAreNoTables() {
    long struct = exported(new ArrowType.Bool());
    assertThatThrownBy(() -> ArrowImport.schema(struct))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("bool");
  }

  @Test
  void childrenThatWereMovedOutLiveOn() {
    ArrowField item = ArrowField.of("item", new ArrowType.Bool(), true);
    long struct = structs.schema();
    ArrowExport.field(ArrowField.of("list", new ArrowType.ListOf(true), true, item), struct);
    long child = Structs.child(StructKind.SCHEMA, struct, 0);
    long moved = structs.copy(CStruct.SCHEMA, child);
    Memory.setWord(child + StructKind.SCHEMA.release(), 0);

    CStruct.SCHEMA.release(struct);
    assertThat(ArrowExport.liveCount()).isEqualTo(1);
    assertThat(ArrowImport.field(moved)).isEqualTo(item);
  }

  private long exported(ArrowType type) {
    long struct = structs.schema();
    ArrowExport.field(ArrowField.of("f", type, true), struct);
    return struct;
  }
}
