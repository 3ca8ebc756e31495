package io.tensorbridge.arrow;

import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.ByteSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.arrow.flatbuf.Endianness;
import org.apache.arrow.flatbuf.Field;
import org.apache.arrow.flatbuf.FixedSizeList;
import org.apache.arrow.flatbuf.FloatingPoint;
import org.apache.arrow.flatbuf.Int;
import org.apache.arrow.flatbuf.KeyValue;
import org.apache.arrow.flatbuf.MetadataVersion;
import org.apache.arrow.flatbuf.Precision;
import org.apache.arrow.flatbuf.Schema;
import org.apache.arrow.flatbuf.Type;
import org.apache.arrow.flatbuf.Union;
import org.apache.arrow.flatbuf.UnionMode;
import org.jspecify.annotations.Nullable;

/** Turns verified metadata into a schema. */
final class SchemaReader {
  static final String LITTLE_ENDIAN = "little-endian data";
  static final String KNOWN_TYPE = "a type of Arrow";
  static final String VERSION = "metadata version V4 or V5";

  private final ByteSource source;
  private final boolean unionsAreNullable;

  private SchemaReader(ByteSource source, short version) {
    this.source = source;
    this.unionsAreNullable = version == MetadataVersion.V4;
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
    SchemaReader reader = new SchemaReader(source, version);
    List<ArrowField> fields = new ArrayList<>(schema.fieldsLength());
    for (int i = 0; i < schema.fieldsLength(); i++) {
      fields.add(reader.field(schema.fields(i)));
    }
    Map<String, String> metadata = new LinkedHashMap<>();
    for (int i = 0; i < schema.customMetadataLength(); i++) {
      put(metadata, schema.customMetadata(i));
    }
    return new ArrowSchema(fields, metadata);
  }

  private static void put(Map<String, String> metadata, KeyValue pair) {
    metadata.put(text(pair.key()), text(pair.value()));
  }

  private static String text(@Nullable String text) {
    return text == null ? "" : text;
  }

  private ArrowField field(Field field) {
    List<ArrowField> children = new ArrayList<>(field.childrenLength());
    for (int i = 0; i < field.childrenLength(); i++) {
      children.add(field(field.children(i)));
    }
    Map<String, String> metadata = new LinkedHashMap<>();
    for (int i = 0; i < field.customMetadataLength(); i++) {
      put(metadata, field.customMetadata(i));
    }
    String name = text(field.name());
    ArrowType type = type(field, name);
    int wanted = childCount(type);
    if (wanted >= 0 && children.size() != wanted) {
      throw source.broken(0, KNOWN_TYPE, "the field \"" + name + "\" is a " + type + " of "
          + children.size() + " children");
    }
    boolean indexes = field.dictionary() != null;
    return new ArrowField(name, type, field.nullable(), indexes, children, metadata);
  }

  /** The children that a type must have; -1 if any number will do. */
  private static int childCount(ArrowType type) {
    return switch (type) {
      case ArrowType.Int _,ArrowType.Floating _,ArrowType.Bytes _,ArrowType.BytesView _ -> 0;
      case ArrowType.ListOf _,ArrowType.FixedSizeList _ -> 1;
      case ArrowType.Struct _,ArrowType.Other _ -> -1;
    };
  }

  private ArrowType type(Field field, String name) {
    return switch (field.typeType()) {
      case Type.Null -> new ArrowType.Other("null", 0);
      case Type.Int -> whole(field, name);
      case Type.FloatingPoint -> floating(field, name);
      case Type.Binary -> new ArrowType.Bytes(false, false);
      case Type.Utf8 -> new ArrowType.Bytes(true, false);
      case Type.LargeBinary -> new ArrowType.Bytes(false, true);
      case Type.LargeUtf8 -> new ArrowType.Bytes(true, true);
      case Type.BinaryView -> new ArrowType.BytesView(false);
      case Type.Utf8View -> new ArrowType.BytesView(true);
      case Type.List -> new ArrowType.ListOf(false);
      case Type.LargeList -> new ArrowType.ListOf(true);
      case Type.FixedSizeList -> fixedSizeList(field, name);
      case Type.Struct_ -> new ArrowType.Struct();
      case Type.Union -> union(field, name);
      case Type.RunEndEncoded -> new ArrowType.Other("run_end_encoded", 0);
      case Type.Map -> new ArrowType.Other("map", 2);
      case Type.ListView, Type.LargeListView -> new ArrowType.Other("list_view", 3);
      case Type.Bool, Type.Decimal, Type.Date, Type.Time, Type.Timestamp, Type.Interval,
          Type.Duration, Type.FixedSizeBinary ->
          new ArrowType.Other(Type.name(field.typeType()).toLowerCase(Locale.ROOT), 2);
      default -> throw unknown(name, "of the type " + field.typeType());
    };
  }

  private ArrowType whole(Field field, String name) {
    Int type = (Int) required(field.type(new Int()), name);
    int bits = type.bitWidth();
    if (bits != 8 && bits != 16 && bits != 32 && bits != 64) {
      throw unknown(name, "an integer of " + bits + " bits");
    }
    return new ArrowType.Int(bits, type.isSigned());
  }

  private ArrowType floating(Field field, String name) {
    FloatingPoint type = (FloatingPoint) required(field.type(new FloatingPoint()), name);
    return switch (type.precision()) {
      case Precision.HALF -> new ArrowType.Floating(16);
      case Precision.SINGLE -> new ArrowType.Floating(32);
      case Precision.DOUBLE -> new ArrowType.Floating(64);
      default -> throw unknown(name, "a float of the precision " + type.precision());
    };
  }

  private ArrowType fixedSizeList(Field field, String name) {
    FixedSizeList type = (FixedSizeList) required(field.type(new FixedSizeList()), name);
    if (type.listSize() < 0) {
      throw unknown(name, "a list of " + type.listSize() + " values");
    }
    return new ArrowType.FixedSizeList(type.listSize());
  }

  private ArrowType union(Field field, String name) {
    Union type = (Union) required(field.type(new Union()), name);
    int buffers = type.mode() == UnionMode.Dense ? 2 : 1;
    return new ArrowType.Other("union", unionsAreNullable ? buffers + 1 : buffers);
  }

  private <T> T required(@Nullable T type, String name) {
    if (type == null) {
      throw unknown(name, "of a type without its parameters");
    }
    return type;
  }

  private FormatException unknown(String name, String what) {
    return source.broken(0, KNOWN_TYPE, "the field \"" + name + "\" is " + what);
  }
}
