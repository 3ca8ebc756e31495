package io.tensorbridge.arrow;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Scanner;

/**
 * Writes what we read of an Arrow file in the JSON of Arrow's integration tests, as {@code
 * docs/format/Integration.rst} tells it: schema, dictionaries and batches, each column with its buffers.
 *
 * <p>Standard input holds a line for each: the path of the Arrow file and that of the JSON, separated by
 * a tab. A line of standard output answers each: {@code ok}, or what was wrong. {@code
 * python/tests/test_arrow_integration.py} runs it from this source, with the classes of the command's
 * jar.
 */
public final class IntegrationJson {
  private static final HexFormat HEX = HexFormat.of().withUpperCase();

  private final JsonGenerator json;
  private final Map<Long, ArrowColumn> dictionaries = new LinkedHashMap<>();

  private IntegrationJson(JsonGenerator json) {
    this.json = json;
  }

  /**
   * Writes until the input ends.
   *
   * @param arguments none
   */
  public static void main(String[] arguments) {
    Scanner lines = new Scanner(System.in, StandardCharsets.UTF_8);
    while (lines.hasNextLine()) {
      List<String> words = Arrays.asList(lines.nextLine().split("\t"));
      try {
        write(Path.of(words.get(0)), Path.of(words.get(1)));
        System.out.println("ok");
      } catch (RuntimeException | IOException failure) {
        System.out.println(String.valueOf(failure).replaceAll("[\n\t]", " "));
      }
    }
  }

  /** Writes what is read of an Arrow file. */
  static void write(Path arrow, Path target) throws IOException {
    try (ArrowFile file = ArrowFile.open(arrow);
        JsonGenerator json =
            new JsonFactory().createGenerator(target.toFile(), JsonEncoding.UTF8)) {
      file.batches().forEach(batch -> batch.columns().forEach(ArrowColumn::validate));
      new IntegrationJson(json).write(file);
    }
  }

  private void write(ArrowFile file) throws IOException {
    for (ArrowBatch batch : file.batches()) {
      batch.columns().forEach(this::collect);
    }
    json.writeStartObject();
    json.writeObjectFieldStart("schema");
    json.writeArrayFieldStart("fields");
    for (ArrowField field : file.schema().fields()) {
      field(field);
    }
    json.writeEndArray();
    metadata(file.schema().metadata());
    json.writeEndObject();
    if (!dictionaries.isEmpty()) {
      dictionaries();
    }
    json.writeArrayFieldStart("batches");
    for (ArrowBatch batch : file.batches()) {
      rows(batch.rowCount(), batch.columns());
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private void dictionaries() throws IOException {
    json.writeArrayFieldStart("dictionaries");
    for (Map.Entry<Long, ArrowColumn> dictionary : dictionaries.entrySet()) {
      json.writeStartObject();
      json.writeNumberField("id", dictionary.getKey());
      json.writeFieldName("data");
      rows(dictionary.getValue().length(), List.of(dictionary.getValue()));
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private void collect(ArrowColumn column) {
    column.children().forEach(this::collect);
    column.dictionary().ifPresent(values -> {
      collect(values);
      dictionaries.put(column.field().dictionary().orElseThrow().id(), values);
    });
  }

  private void metadata(Map<String, String> metadata) throws IOException {
    if (metadata.isEmpty()) {
      return;
    }
    json.writeArrayFieldStart("metadata");
    for (Map.Entry<String, String> pair : metadata.entrySet()) {
      json.writeStartObject();
      json.writeStringField("key", pair.getKey());
      json.writeStringField("value", pair.getValue());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private void field(ArrowField field) throws IOException {
    json.writeStartObject();
    json.writeStringField("name", field.name());
    json.writeBooleanField("nullable", field.nullable());
    json.writeObjectFieldStart("type");
    type(field.type());
    json.writeEndObject();
    json.writeArrayFieldStart("children");
    for (ArrowField child : field.children()) {
      field(child);
    }
    json.writeEndArray();
    if (field.dictionary().isPresent()) {
      DictionaryEncoding encoding = field.dictionary().get();
      json.writeObjectFieldStart("dictionary");
      json.writeNumberField("id", encoding.id());
      json.writeObjectFieldStart("indexType");
      type(encoding.indexType());
      json.writeEndObject();
      json.writeBooleanField("isOrdered", encoding.ordered());
      json.writeEndObject();
    }
    metadata(field.metadata());
    json.writeEndObject();
  }

  private void type(ArrowType type) throws IOException {
    switch (type) {
      case ArrowType.Null _ -> named("null");
      case ArrowType.Bool _ -> named("bool");
      case ArrowType.Int(int bits, boolean signed) -> {
        named("int");
        json.writeNumberField("bitWidth", bits);
        json.writeBooleanField("isSigned", signed);
      }
      case ArrowType.Floating(int bits) -> {
        named("floatingpoint");
        json.writeStringField("precision", bits == 16 ? "HALF" : bits == 32 ? "SINGLE" : "DOUBLE");
      }
      case ArrowType.Decimal(int precision, int scale, int bits) -> {
        named("decimal");
        json.writeNumberField("precision", precision);
        json.writeNumberField("scale", scale);
        json.writeNumberField("bitWidth", bits);
      }
      case ArrowType.Date(boolean milliseconds) -> {
        named("date");
        json.writeStringField("unit", milliseconds ? "MILLISECOND" : "DAY");
      }
      case ArrowType.Time time -> {
        named("time");
        json.writeStringField("unit", time.unit().name());
        json.writeNumberField("bitWidth", time.layout().valueBits());
      }
      case ArrowType.Timestamp(ArrowType.TimeUnit unit, String zone) -> {
        named("timestamp");
        json.writeStringField("unit", unit.name());
        if (!zone.isEmpty()) {
          json.writeStringField("timezone", zone);
        }
      }
      case ArrowType.Duration(ArrowType.TimeUnit unit) -> {
        named("duration");
        json.writeStringField("unit", unit.name());
      }
      case ArrowType.Interval(ArrowType.IntervalUnit unit) -> {
        named("interval");
        json.writeStringField("unit", unit.name());
      }
      case ArrowType.FixedSizeBinary(int width) -> {
        named("fixedsizebinary");
        json.writeNumberField("byteWidth", width);
      }
      case ArrowType.Bytes(boolean text, boolean large) ->
          named((large ? "large" : "") + (text ? "utf8" : "binary"));
      case ArrowType.BytesView(boolean text) -> named(text ? "utf8view" : "binaryview");
      case ArrowType.ListOf(boolean large) -> named(large ? "largelist" : "list");
      case ArrowType.ListView(boolean large) -> named(large ? "largelistview" : "listview");
      case ArrowType.FixedSizeList(int size) -> {
        named("fixedsizelist");
        json.writeNumberField("listSize", size);
      }
      case ArrowType.Struct _ -> named("struct");
      case ArrowType.Map(boolean sorted) -> {
        named("map");
        json.writeBooleanField("keysSorted", sorted);
      }
      case ArrowType.Union(boolean dense, List<Integer> typeIds) -> {
        named("union");
        json.writeStringField("mode", dense ? "DENSE" : "SPARSE");
        json.writeArrayFieldStart("typeIds");
        for (int id : typeIds) {
          json.writeNumber(id);
        }
        json.writeEndArray();
      }
      case ArrowType.RunEndEncoded _ -> named("runendencoded");
    }
  }

  private void named(String name) throws IOException {
    json.writeStringField("name", name);
  }

  private void rows(long count, List<ArrowColumn> columns) throws IOException {
    json.writeStartObject();
    json.writeNumberField("count", count);
    json.writeArrayFieldStart("columns");
    for (ArrowColumn column : columns) {
      column(column);
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private void column(ArrowColumn column) throws IOException {
    json.writeStartObject();
    json.writeStringField("name", column.field().name());
    json.writeNumberField("count", column.length());
    for (BufferLayout buffer : column.layout().buffers()) {
      switch (buffer.kind()) {
        case VALIDITY -> {
          json.writeArrayFieldStart("VALIDITY");
          for (long row = 0; row < column.length(); row++) {
            json.writeNumber(column.isNull(row) ? 0 : 1);
          }
          json.writeEndArray();
        }
        case OFFSETS -> numbers("OFFSET", column, buffer, column.length() + 1);
        case POSITIONS -> numbers("OFFSET", column, buffer, column.length());
        case SIZES -> numbers("SIZE", column, buffer, column.length());
        case TYPE_IDS -> numbers("TYPE_ID", column, buffer, column.length());
        case DATA, VALUES -> values(column);
        case VIEWS -> views(column);
      }
    }
    if (!column.children().isEmpty()) {
      json.writeArrayFieldStart("children");
      for (ArrowColumn child : column.children()) {
        column(child);
      }
      json.writeEndArray();
    }
    json.writeEndObject();
  }

  /** Those of 64 bits are texts. */
  private void numbers(String name, ArrowColumn column, BufferLayout buffer, long count)
      throws IOException {
    json.writeArrayFieldStart(name);
    MemorySegment bytes = column.buffer(buffer.kind());
    for (long i = 0; i < count; i++) {
      long number = bytes.byteSize() == 0 ? 0 : stored(bytes, i, buffer.elementBits());
      if (buffer.elementBits() == 64) {
        json.writeString(Long.toString(number));
      } else {
        json.writeNumber(number);
      }
    }
    json.writeEndArray();
  }

  private static long stored(MemorySegment bytes, long index, long bits) {
    return switch ((int) bits) {
      case 8 -> bytes.get(ValueLayout.JAVA_BYTE, index);
      case 32 -> bytes.get(ValueLayout.JAVA_INT_UNALIGNED, index * 4);
      default -> bytes.get(ValueLayout.JAVA_LONG_UNALIGNED, index * 8);
    };
  }

  private void values(ArrowColumn column) throws IOException {
    json.writeArrayFieldStart("DATA");
    for (long row = 0; row < column.length(); row++) {
      if (column.dictionary().isPresent()) {
        index(column, row);
      } else {
        value(column, row);
      }
    }
    json.writeEndArray();
  }

  private void index(ArrowColumn column, long row) throws IOException {
    long index = column.isNull(row) ? 0 : column.dictionaryIndex(row);
    if (column.field().dictionary().orElseThrow().indexType().bits() == 64) {
      json.writeString(Long.toString(index));
    } else {
      json.writeNumber(index);
    }
  }

  private void value(ArrowColumn column, long row) throws IOException {
    switch (column.field().type()) {
      case ArrowType.Bool _ -> json.writeBoolean(column.bool(row));
      case ArrowType.Int(int bits, boolean signed) -> {
        long number = column.integer(row);
        if (bits == 64) {
          json.writeString(signed ? Long.toString(number) : Long.toUnsignedString(number));
        } else {
          json.writeNumber(number);
        }
      }
      case ArrowType.Date _,ArrowType.Time _,ArrowType.Timestamp _,ArrowType.Duration _ -> {
        long number = column.integer(row);
        if (column.layout().valueBits() == 64) {
          json.writeString(Long.toString(number));
        } else {
          json.writeNumber(number);
        }
      }
      case ArrowType.Floating(int bits) -> {
        double number = column.floating(row);
        json.writeNumber(bits == 64 ? Double.toString(number) : Float.toString((float) number));
      }
      case ArrowType.Decimal _ -> json.writeString(decimal(column, row).toString());
      case ArrowType.Interval(ArrowType.IntervalUnit unit) -> interval(column, row, unit);
      case ArrowType.Bytes(boolean text, _) -> {
        if (text) {
          json.writeString(column.text(row));
        } else {
          json.writeString(hex(column, row));
        }
      }
      case ArrowType.FixedSizeBinary _ -> json.writeString(hex(column, row));
      case ArrowType.Null _,ArrowType.BytesView _,ArrowType.ListOf _,ArrowType.ListView _,ArrowType.FixedSizeList _,ArrowType.Struct _,ArrowType.Map _,ArrowType.Union _,ArrowType.RunEndEncoded _ ->
          throw new IllegalStateException(column.field() + " has no values of its own");
    }
  }

  private static BigInteger decimal(ArrowColumn column, long row) {
    return column.decimal(row).unscaledValue();
  }

  private static String hex(ArrowColumn column, long row) {
    return HEX.formatHex(column.bytes(row).bytes().toArray(ValueLayout.JAVA_BYTE));
  }

  private void interval(ArrowColumn column, long row, ArrowType.IntervalUnit unit)
      throws IOException {
    MemorySegment bytes = column.numbers(new ArrowColumn.Extent(row, row + 1)).bytes();
    int first = bytes.get(ValueLayout.JAVA_INT_UNALIGNED, 0);
    switch (unit) {
      case YEAR_MONTH -> json.writeNumber(first);
      case DAY_TIME -> {
        json.writeStartObject();
        json.writeNumberField("days", first);
        json.writeNumberField("milliseconds", bytes.get(ValueLayout.JAVA_INT_UNALIGNED, 4));
        json.writeEndObject();
      }
      case MONTH_DAY_NANO -> {
        json.writeStartObject();
        json.writeNumberField("months", first);
        json.writeNumberField("days", bytes.get(ValueLayout.JAVA_INT_UNALIGNED, 4));
        json.writeNumberField("nanoseconds", bytes.get(ValueLayout.JAVA_LONG_UNALIGNED, 8));
        json.writeEndObject();
      }
    }
  }

  private void views(ArrowColumn column) throws IOException {
    boolean text = column.field().type() instanceof ArrowType.BytesView(boolean isText) && isText;
    json.writeArrayFieldStart("VIEWS");
    MemorySegment views = column.buffer(BufferKind.VIEWS);
    for (long row = 0; row < column.length(); row++) {
      MemorySegment view = views.asSlice(row * 16, 16);
      int size = column.isNull(row) ? 0 : view.get(ValueLayout.JAVA_INT_UNALIGNED, 0);
      json.writeStartObject();
      json.writeNumberField("SIZE", size);
      if (size <= 12) {
        byte[] bytes = view.asSlice(4, size).toArray(ValueLayout.JAVA_BYTE);
        json.writeStringField("INLINED",
            text ? new String(bytes, StandardCharsets.UTF_8) : HEX.formatHex(bytes));
      } else {
        json.writeStringField("PREFIX_HEX",
            HEX.formatHex(view.asSlice(4, 4).toArray(ValueLayout.JAVA_BYTE)));
        json.writeNumberField("BUFFER_INDEX", view.get(ValueLayout.JAVA_INT_UNALIGNED, 8));
        json.writeNumberField("OFFSET", view.get(ValueLayout.JAVA_INT_UNALIGNED, 12));
      }
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeArrayFieldStart("VARIADIC_DATA_BUFFERS");
    List<MemorySegment> buffers = column.buffers();
    for (MemorySegment data : buffers.subList(2, buffers.size())) {
      json.writeString(HEX.formatHex(data.toArray(ValueLayout.JAVA_BYTE)));
    }
    json.writeEndArray();
  }
}
