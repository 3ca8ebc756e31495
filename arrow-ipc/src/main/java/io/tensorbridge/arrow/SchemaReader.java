package io.tensorbridge.arrow;

import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.ByteSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.arrow.flatbuf.Date;
import org.apache.arrow.flatbuf.DateUnit;
import org.apache.arrow.flatbuf.Decimal;
import org.apache.arrow.flatbuf.Duration;
import org.apache.arrow.flatbuf.Endianness;
import org.apache.arrow.flatbuf.Field;
import org.apache.arrow.flatbuf.FixedSizeBinary;
import org.apache.arrow.flatbuf.FixedSizeList;
import org.apache.arrow.flatbuf.FloatingPoint;
import org.apache.arrow.flatbuf.Int;
import org.apache.arrow.flatbuf.Interval;
import org.apache.arrow.flatbuf.KeyValue;
import org.apache.arrow.flatbuf.MetadataVersion;
import org.apache.arrow.flatbuf.Precision;
import org.apache.arrow.flatbuf.Schema;
import org.apache.arrow.flatbuf.Time;
import org.apache.arrow.flatbuf.Timestamp;
import org.apache.arrow.flatbuf.Type;
import org.apache.arrow.flatbuf.Union;
import org.apache.arrow.flatbuf.UnionMode;
import org.jspecify.annotations.Nullable;

/** Turns verified metadata into a schema. */
final class SchemaReader {
  static final String LITTLE_ENDIAN = "little-endian data";
  static final String KNOWN_TYPE = "a type of Arrow";
  static final String VERSION = "metadata version V4 or V5";

  private static final int DECIMAL_BITS = 128;
  private static final int INDEX_BITS = 32;

  private final ByteSource source;

  private SchemaReader(ByteSource source) {
    this.source = source;
  }

  /**
   * Reads a schema.
   *
   * @param schema verified, or null if the metadata have none
   * @param source where it lies
   * @param version of the metadata around it
   * @throws FormatException with the rule that is broken
   */
  static ArrowSchema read(@Nullable Schema schema, ByteSource source, short version) {
    if (version != MetadataVersion.V4 && version != MetadataVersion.V5) {
      throw source.broken(0, VERSION, "version " + version
          + "; write the file again with Arrow 0.8 or newer");
    }
    if (schema == null) {
      throw source.broken(0, MetadataVerifier.WITHIN, "there is no schema");
    }
    if (schema.endianness() != Endianness.Little) {
      throw source.broken(0, LITTLE_ENDIAN,
          "the data are big-endian; read the file with PyArrow and write it again");
    }
    SchemaReader reader = new SchemaReader(source);
    List<ArrowField> fields = new ArrayList<>(schema.fieldsLength());
    for (int i = 0; i < schema.fieldsLength(); i++) {
      fields.add(reader.field(schema.fields(i)));
    }
    return new ArrowSchema(fields, pairs(schema.customMetadataLength(), schema::customMetadata));
  }

  /** Pairs of metadata; of those with one key, the last one counts. */
  static Map<String, String> pairs(int count, IntFunction<KeyValue> pair) {
    Map<String, String> pairs = new LinkedHashMap<>();
    for (int i = 0; i < count; i++) {
      KeyValue found = pair.apply(i);
      pairs.put(text(found.key()), text(found.value()));
    }
    return pairs;
  }

  private static String text(@Nullable String text) {
    return text == null ? "" : text;
  }

  private ArrowField field(Field field) {
    List<ArrowField> children = new ArrayList<>(field.childrenLength());
    for (int i = 0; i < field.childrenLength(); i++) {
      children.add(field(field.children(i)));
    }
    Map<String, String> metadata = pairs(field.customMetadataLength(), field::customMetadata);
    String name = text(field.name());
    try {
      return new ArrowField(
          name, type(field), field.nullable(), dictionary(field), children, metadata);
    } catch (IllegalArgumentException impossible) {
      throw source.broken(0, KNOWN_TYPE, "the field \"" + name + "\": " + impossible.getMessage());
    }
  }

  /** Indexes are int32 unless the metadata tell otherwise. */
  private static Optional<DictionaryEncoding> dictionary(Field field) {
    org.apache.arrow.flatbuf.DictionaryEncoding encoding = field.dictionary();
    if (encoding == null) {
      return Optional.empty();
    }
    Int index = encoding.indexType();
    ArrowType.Int type =
        index == null
            ? new ArrowType.Int(INDEX_BITS, true)
            : new ArrowType.Int(index.bitWidth(), index.isSigned());
    return Optional.of(new DictionaryEncoding(encoding.id(), type, encoding.isOrdered()));
  }

  private ArrowType type(Field field) {
    return switch (field.typeType()) {
      case Type.Null -> new ArrowType.Null();
      case Type.Bool -> new ArrowType.Bool();
      case Type.Int -> {
        Int type = required(() -> (Int) field.type(new Int()));
        yield new ArrowType.Int(type.bitWidth(), type.isSigned());
      }
      case Type.FloatingPoint ->
          floating(required(() -> (FloatingPoint) field.type(new FloatingPoint())));
      case Type.Decimal -> {
        Decimal type = required(() -> (Decimal) field.type(new Decimal()));
        yield new ArrowType.Decimal(type.precision(), type.scale(),
            type.bitWidth() == 0 ? DECIMAL_BITS : type.bitWidth());
      }
      case Type.Date -> {
        Date type = required(() -> (Date) field.type(new Date()));
        yield new ArrowType.Date(type.unit() != DateUnit.DAY);
      }
      case Type.Time -> time(required(() -> (Time) field.type(new Time())));
      case Type.Timestamp -> {
        Timestamp type = required(() -> (Timestamp) field.type(new Timestamp()));
        yield new ArrowType.Timestamp(unit(type.unit()), text(type.timezone()));
      }
      case Type.Duration -> {
        Duration type = required(() -> (Duration) field.type(new Duration()));
        yield new ArrowType.Duration(unit(type.unit()));
      }
      case Type.Interval -> {
        Interval type = required(() -> (Interval) field.type(new Interval()));
        yield new ArrowType.Interval(intervalUnit(type.unit()));
      }
      case Type.FixedSizeBinary -> {
        FixedSizeBinary type =
            required(() -> (FixedSizeBinary) field.type(new FixedSizeBinary()));
        yield new ArrowType.FixedSizeBinary(type.byteWidth());
      }
      case Type.Binary -> new ArrowType.Bytes(false, false);
      case Type.Utf8 -> new ArrowType.Bytes(true, false);
      case Type.LargeBinary -> new ArrowType.Bytes(false, true);
      case Type.LargeUtf8 -> new ArrowType.Bytes(true, true);
      case Type.BinaryView -> new ArrowType.BytesView(false);
      case Type.Utf8View -> new ArrowType.BytesView(true);
      case Type.List -> new ArrowType.ListOf(false);
      case Type.LargeList -> new ArrowType.ListOf(true);
      case Type.ListView -> new ArrowType.ListView(false);
      case Type.LargeListView -> new ArrowType.ListView(true);
      case Type.FixedSizeList -> {
        FixedSizeList type = required(() -> (FixedSizeList) field.type(new FixedSizeList()));
        yield new ArrowType.FixedSizeList(type.listSize());
      }
      case Type.Struct_ -> new ArrowType.Struct();
      case Type.Map -> {
        org.apache.arrow.flatbuf.Map type =
            required(() -> (org.apache.arrow.flatbuf.Map) field
                .type(new org.apache.arrow.flatbuf.Map()));
        yield new ArrowType.Map(type.keysSorted());
      }
      case Type.Union ->
          union(required(() -> (Union) field.type(new Union())), field.childrenLength());
      case Type.RunEndEncoded -> new ArrowType.RunEndEncoded();
      default -> throw new IllegalArgumentException("it is of the type " + field.typeType());
    };
  }

  private static ArrowType floating(FloatingPoint type) {
    return switch (type.precision()) {
      case Precision.HALF -> new ArrowType.Floating(16);
      case Precision.SINGLE -> new ArrowType.Floating(32);
      case Precision.DOUBLE -> new ArrowType.Floating(64);
      default -> throw new IllegalArgumentException("a float of precision " + type.precision());
    };
  }

  private static ArrowType time(Time type) {
    ArrowType.Time time = new ArrowType.Time(unit(type.unit()));
    if (type.bitWidth() != time.bits()) {
      throw new IllegalArgumentException("a " + time + " of " + type.bitWidth() + " bits");
    }
    return time;
  }

  private static ArrowType.TimeUnit unit(short code) {
    return Stream.of(ArrowType.TimeUnit.values())
        .filter(unit -> unit.code() == code)
        .findAny()
        .orElseThrow(() -> new IllegalArgumentException("a unit of time " + code));
  }

  private static ArrowType.IntervalUnit intervalUnit(short code) {
    return Stream.of(ArrowType.IntervalUnit.values())
        .filter(unit -> unit.code() == code)
        .findAny()
        .orElseThrow(() -> new IllegalArgumentException("a unit of intervals " + code));
  }

  /** Children are numbered from 0 unless the metadata tell otherwise. */
  private static ArrowType union(Union type, int children) {
    List<Integer> ids = new ArrayList<>();
    int count = type.typeIdsLength() == 0 ? children : type.typeIdsLength();
    for (int i = 0; i < count; i++) {
      ids.add(type.typeIdsLength() == 0 ? i : type.typeIds(i));
    }
    return new ArrowType.Union(type.mode() == UnionMode.Dense, ids);
  }

  private static <T> T required(Supplier<@Nullable T> type) {
    T found = type.get();
    if (found == null) {
      throw new IllegalArgumentException("its type has no parameters");
    }
    return found;
  }
}
