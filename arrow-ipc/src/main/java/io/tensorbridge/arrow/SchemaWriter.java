package io.tensorbridge.arrow;

import com.google.flatbuffers.FlatBufferBuilder;
import java.util.List;
import java.util.Map;
import org.apache.arrow.flatbuf.Binary;
import org.apache.arrow.flatbuf.BinaryView;
import org.apache.arrow.flatbuf.Endianness;
import org.apache.arrow.flatbuf.Field;
import org.apache.arrow.flatbuf.FixedSizeList;
import org.apache.arrow.flatbuf.FloatingPoint;
import org.apache.arrow.flatbuf.Int;
import org.apache.arrow.flatbuf.KeyValue;
import org.apache.arrow.flatbuf.LargeBinary;
import org.apache.arrow.flatbuf.LargeList;
import org.apache.arrow.flatbuf.LargeUtf8;
import org.apache.arrow.flatbuf.Precision;
import org.apache.arrow.flatbuf.Schema;
import org.apache.arrow.flatbuf.Struct_;
import org.apache.arrow.flatbuf.Type;
import org.apache.arrow.flatbuf.Utf8View;

/** Turns a schema into metadata, the inverse of {@link SchemaReader}. */
final class SchemaWriter {
  private final FlatBufferBuilder builder;

  private SchemaWriter(FlatBufferBuilder builder) {
    this.builder = builder;
  }

  /**
   * Adds a schema.
   *
   * @return where it stands
   * @throws IllegalArgumentException if it has a type that can only be passed over, or dictionaries
   */
  static int write(FlatBufferBuilder builder, ArrowSchema schema) {
    SchemaWriter writer = new SchemaWriter(builder);
    int fields = Schema.createFieldsVector(builder, writer.fields(schema.fields()));
    int metadata = Schema.createCustomMetadataVector(builder, writer.pairs(schema.metadata()));
    return Schema.createSchema(builder, Endianness.Little, fields, metadata, 0);
  }

  private int[] fields(List<ArrowField> fields) {
    return fields.stream().mapToInt(this::field).toArray();
  }

  private int[] pairs(Map<String, String> metadata) {
    return metadata.entrySet().stream()
        .mapToInt(
            pair -> KeyValue.createKeyValue(
                builder,
                builder.createString(pair.getKey()),
                builder.createString(pair.getValue())))
        .toArray();
  }

  private int field(ArrowField field) {
    if (field.dictionaryEncoded()) {
      throw new IllegalArgumentException(field + " can't be written");
    }
    int name = builder.createString(field.name());
    int type = type(field);
    int children = Field.createChildrenVector(builder, fields(field.children()));
    int metadata = Field.createCustomMetadataVector(builder, pairs(field.metadata()));
    return Field.createField(
        builder, name, field.nullable(), typeType(field.type()), type, 0, children, metadata);
  }

  private static byte typeType(ArrowType type) {
    return switch (type) {
      case ArrowType.Int _ -> Type.Int;
      case ArrowType.Floating _ -> Type.FloatingPoint;
      case ArrowType.Bytes(boolean text, boolean large) when large ->
          text ? Type.LargeUtf8 : Type.LargeBinary;
      case ArrowType.Bytes(boolean text, _) -> text ? Type.Utf8 : Type.Binary;
      case ArrowType.BytesView(boolean text) -> text ? Type.Utf8View : Type.BinaryView;
      case ArrowType.ListOf(boolean large) -> large ? Type.LargeList : Type.List;
      case ArrowType.FixedSizeList _ -> Type.FixedSizeList;
      case ArrowType.Struct _ -> Type.Struct_;
      case ArrowType.Other _ -> Type.NONE;
    };
  }

  private int type(ArrowField field) {
    return switch (field.type()) {
      case ArrowType.Int(int bits, boolean signed) -> Int.createInt(builder, bits, signed);
      case ArrowType.Floating(int bits) ->
          FloatingPoint.createFloatingPoint(builder, precision(bits));
      case ArrowType.Bytes(boolean text, boolean large) -> bytes(text, large);
      case ArrowType.BytesView(boolean text) -> view(text);
      case ArrowType.ListOf(boolean large) -> list(large);
      case ArrowType.FixedSizeList(int size) -> FixedSizeList.createFixedSizeList(builder, size);
      case ArrowType.Struct _ -> {
        Struct_.startStruct_(builder);
        yield Struct_.endStruct_(builder);
      }
      case ArrowType.Other _ -> throw new IllegalArgumentException(field + " can't be written");
    };
  }

  private static short precision(int bits) {
    return switch (bits) {
      case 16 -> Precision.HALF;
      case 32 -> Precision.SINGLE;
      default -> Precision.DOUBLE;
    };
  }

  private int bytes(boolean text, boolean large) {
    if (text && large) {
      LargeUtf8.startLargeUtf8(builder);
      return LargeUtf8.endLargeUtf8(builder);
    } else if (text) {
      org.apache.arrow.flatbuf.Utf8.startUtf8(builder);
      return org.apache.arrow.flatbuf.Utf8.endUtf8(builder);
    } else if (large) {
      LargeBinary.startLargeBinary(builder);
      return LargeBinary.endLargeBinary(builder);
    }
    Binary.startBinary(builder);
    return Binary.endBinary(builder);
  }

  private int view(boolean text) {
    if (text) {
      Utf8View.startUtf8View(builder);
      return Utf8View.endUtf8View(builder);
    }
    BinaryView.startBinaryView(builder);
    return BinaryView.endBinaryView(builder);
  }

  private int list(boolean large) {
    if (large) {
      LargeList.startLargeList(builder);
      return LargeList.endLargeList(builder);
    }
    org.apache.arrow.flatbuf.List.startList(builder);
    return org.apache.arrow.flatbuf.List.endList(builder);
  }
}
