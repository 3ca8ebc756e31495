package io.tensorbridge.arrow;

import com.google.flatbuffers.FlatBufferBuilder;
import java.util.List;
import java.util.Map;
import org.apache.arrow.flatbuf.Binary;
import org.apache.arrow.flatbuf.BinaryView;
import org.apache.arrow.flatbuf.Bool;
import org.apache.arrow.flatbuf.Date;
import org.apache.arrow.flatbuf.DateUnit;
import org.apache.arrow.flatbuf.Decimal;
import org.apache.arrow.flatbuf.DictionaryKind;
import org.apache.arrow.flatbuf.Duration;
import org.apache.arrow.flatbuf.Endianness;
import org.apache.arrow.flatbuf.Field;
import org.apache.arrow.flatbuf.FixedSizeBinary;
import org.apache.arrow.flatbuf.FixedSizeList;
import org.apache.arrow.flatbuf.FloatingPoint;
import org.apache.arrow.flatbuf.Int;
import org.apache.arrow.flatbuf.Interval;
import org.apache.arrow.flatbuf.KeyValue;
import org.apache.arrow.flatbuf.LargeBinary;
import org.apache.arrow.flatbuf.LargeList;
import org.apache.arrow.flatbuf.LargeListView;
import org.apache.arrow.flatbuf.LargeUtf8;
import org.apache.arrow.flatbuf.ListView;
import org.apache.arrow.flatbuf.Null;
import org.apache.arrow.flatbuf.Precision;
import org.apache.arrow.flatbuf.RunEndEncoded;
import org.apache.arrow.flatbuf.Schema;
import org.apache.arrow.flatbuf.Struct_;
import org.apache.arrow.flatbuf.Time;
import org.apache.arrow.flatbuf.Timestamp;
import org.apache.arrow.flatbuf.Type;
import org.apache.arrow.flatbuf.Union;
import org.apache.arrow.flatbuf.UnionMode;
import org.apache.arrow.flatbuf.Utf8View;

/** Turns a schema into metadata, the inverse of {@link SchemaReader}. */
final class SchemaWriter {
  private final FlatBufferBuilder builder;

  private SchemaWriter(FlatBufferBuilder builder) {
    this.builder = builder;
  }

  /** A type as metadata: which one, and where its parameters stand. */
  private record Written(byte type, int offset) {}

  /**
   * Adds a schema.
   *
   * @return where it stands
   */
  static int write(FlatBufferBuilder builder, ArrowSchema schema) {
    SchemaWriter writer = new SchemaWriter(builder);
    int fields = Schema.createFieldsVector(builder, writer.fields(schema.fields()));
    int metadata = Schema.createCustomMetadataVector(builder, pairs(builder, schema.metadata()));
    return Schema.createSchema(builder, Endianness.Little, fields, metadata, 0);
  }

  private int[] fields(List<ArrowField> fields) {
    return fields.stream().mapToInt(this::field).toArray();
  }

  /** Adds pairs of metadata, for a vector of them. */
  static int[] pairs(FlatBufferBuilder builder, Map<String, String> metadata) {
    return metadata.entrySet().stream()
        .mapToInt(
            pair -> KeyValue.createKeyValue(
                builder,
                builder.createString(pair.getKey()),
                builder.createString(pair.getValue())))
        .toArray();
  }

  private int field(ArrowField field) {
    int name = builder.createString(field.name());
    Written type = type(field.type());
    int dictionary = field.dictionary().map(this::dictionary).orElse(0);
    int children = Field.createChildrenVector(builder, fields(field.children()));
    int metadata = Field.createCustomMetadataVector(builder, pairs(builder, field.metadata()));
    return Field.createField(builder, name, field.nullable(), type.type, type.offset, dictionary,
        children, metadata);
  }

  private int dictionary(DictionaryEncoding encoding) {
    ArrowType.Int index = encoding.indexType();
    int type = Int.createInt(builder, index.bits(), index.signed());
    return org.apache.arrow.flatbuf.DictionaryEncoding.createDictionaryEncoding(
        builder, encoding.id(), type, encoding.ordered(), DictionaryKind.DenseArray);
  }

  private Written type(ArrowType type) {
    return switch (type) {
      case ArrowType.Null _ -> {
        Null.startNull(builder);
        yield new Written(Type.Null, Null.endNull(builder));
      }
      case ArrowType.Bool _ -> {
        Bool.startBool(builder);
        yield new Written(Type.Bool, Bool.endBool(builder));
      }
      case ArrowType.Int(int bits, boolean signed) ->
          new Written(Type.Int, Int.createInt(builder, bits, signed));
      case ArrowType.Floating(int bits) ->
          new Written(Type.FloatingPoint,
              FloatingPoint.createFloatingPoint(builder, precision(bits)));
      case ArrowType.Decimal(int precision, int scale, int bits) ->
          new Written(Type.Decimal, Decimal.createDecimal(builder, precision, scale, bits));
      case ArrowType.Date(boolean milliseconds) ->
          new Written(Type.Date,
              Date.createDate(builder, milliseconds ? DateUnit.MILLISECOND : DateUnit.DAY));
      case ArrowType.Time time ->
          new Written(Type.Time,
              Time.createTime(builder, time.unit().code(), time.bits()));
      case ArrowType.Timestamp(ArrowType.TimeUnit unit, String zone) -> {
        int text = zone.isEmpty() ? 0 : builder.createString(zone);
        yield new Written(Type.Timestamp,
            Timestamp.createTimestamp(builder, unit.code(), text));
      }
      case ArrowType.Duration(ArrowType.TimeUnit unit) ->
          new Written(Type.Duration, Duration.createDuration(builder, unit.code()));
      case ArrowType.Interval(ArrowType.IntervalUnit unit) ->
          new Written(Type.Interval, Interval.createInterval(builder, unit.code()));
      case ArrowType.FixedSizeBinary(int byteWidth) ->
          new Written(Type.FixedSizeBinary,
              FixedSizeBinary.createFixedSizeBinary(builder, byteWidth));
      case ArrowType.Bytes(boolean text, boolean large) -> bytes(text, large);
      case ArrowType.BytesView(boolean text) -> view(text);
      case ArrowType.ListOf(boolean large) -> list(large);
      case ArrowType.ListView(boolean large) -> listView(large);
      case ArrowType.FixedSizeList(int size) ->
          new Written(Type.FixedSizeList, FixedSizeList.createFixedSizeList(builder, size));
      case ArrowType.Struct _ -> {
        Struct_.startStruct_(builder);
        yield new Written(Type.Struct_, Struct_.endStruct_(builder));
      }
      case ArrowType.Map(boolean keysSorted) ->
          new Written(Type.Map, org.apache.arrow.flatbuf.Map.createMap(builder, keysSorted));
      case ArrowType.Union(boolean dense, List<Integer> typeIds) -> {
        int ids =
            Union.createTypeIdsVector(builder, typeIds.stream().mapToInt(id -> id).toArray());
        yield new Written(Type.Union,
            Union.createUnion(builder, dense ? UnionMode.Dense : UnionMode.Sparse, ids));
      }
      case ArrowType.RunEndEncoded _ -> {
        RunEndEncoded.startRunEndEncoded(builder);
        yield new Written(Type.RunEndEncoded, RunEndEncoded.endRunEndEncoded(builder));
      }
    };
  }

  private static short precision(int bits) {
    return switch (bits) {
      case 16 -> Precision.HALF;
      case 32 -> Precision.SINGLE;
      default -> Precision.DOUBLE;
    };
  }

  private Written bytes(boolean text, boolean large) {
    if (text && large) {
      LargeUtf8.startLargeUtf8(builder);
      return new Written(Type.LargeUtf8, LargeUtf8.endLargeUtf8(builder));
    } else if (text) {
      org.apache.arrow.flatbuf.Utf8.startUtf8(builder);
      return new Written(Type.Utf8, org.apache.arrow.flatbuf.Utf8.endUtf8(builder));
    } else if (large) {
      LargeBinary.startLargeBinary(builder);
      return new Written(Type.LargeBinary, LargeBinary.endLargeBinary(builder));
    }
    Binary.startBinary(builder);
    return new Written(Type.Binary, Binary.endBinary(builder));
  }

  private Written view(boolean text) {
    if (text) {
      Utf8View.startUtf8View(builder);
      return new Written(Type.Utf8View, Utf8View.endUtf8View(builder));
    }
    BinaryView.startBinaryView(builder);
    return new Written(Type.BinaryView, BinaryView.endBinaryView(builder));
  }

  private Written list(boolean large) {
    if (large) {
      LargeList.startLargeList(builder);
      return new Written(Type.LargeList, LargeList.endLargeList(builder));
    }
    org.apache.arrow.flatbuf.List.startList(builder);
    return new Written(Type.List, org.apache.arrow.flatbuf.List.endList(builder));
  }

  private Written listView(boolean large) {
    if (large) {
      LargeListView.startLargeListView(builder);
      return new Written(Type.LargeListView, LargeListView.endLargeListView(builder));
    }
    ListView.startListView(builder);
    return new Written(Type.ListView, ListView.endListView(builder));
  }
}
