package io.tensorbridge.arrow.cdata;

import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.DictionaryEncoding;
import io.tensorbridge.arrow.internal.cdata.Memory;
import io.tensorbridge.arrow.internal.cdata.MovedStruct;
import io.tensorbridge.arrow.internal.cdata.StructKind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads fields from structs; everything is copied. */
final class SchemaImport {
  static final String KNOWN_TYPE = "a type of Arrow";
  static final String COUNTS = "counts that a schema can have";

  /** As deep as files may be. */
  private static final int MAX_DEPTH = 64;
  /** Structs in all: a cycle of structs ends here. */
  private static final int MAX_STRUCTS = 1 << 20;
  private static final int MAX_TEXT_BYTES = 1 << 20;

  private int structs;
  private long dictionaries;

  private SchemaImport() {}

  /**
   * Takes a schema over and releases it.
   *
   * @throws io.tensorbridge.FormatException with the field and the rule that is broken
   */
  static ArrowField take(long address) {
    CStruct.SCHEMA.requireLive(address, Place.ROOT);
    MovedStruct moved = MovedStruct.take(StructKind.SCHEMA, address);
    try {
      return new SchemaImport().field(moved.address(), Place.ROOT);
    } finally {
      moved.release();
    }
  }

  private ArrowField field(long struct, Place unnamed) {
    String name = text(Memory.word(struct + StructKind.NAME), unnamed, "the name");
    Place place = unnamed.named(name);
    if (++structs > MAX_STRUCTS || place.depth() > MAX_DEPTH) {
      throw place.broken(COUNTS, "more than " + MAX_STRUCTS + " fields, or fields within each other"
          + " more than " + MAX_DEPTH + " deep");
    }
    List<ArrowField> children = children(struct, place);
    Map<String, String> metadata =
        MetadataBlob.decode(Memory.word(struct + StructKind.METADATA), place);
    long flags = Memory.word(struct + StructKind.FLAGS);
    boolean nullable = (flags & Flags.NULLABLE) != 0;
    long dictionary = Memory.word(struct + StructKind.SCHEMA.dictionary());
    ArrowType type = type(struct, flags, place);
    if (dictionary != 0) {
      return encoded(
          new ArrowField(name, type, nullable, Optional.empty(), List.of(), metadata),
          children, flags, dictionary, place);
    }
    return made(name, type, nullable, Optional.empty(), children, metadata, place);
  }

  /** A field of indexes; the dictionary's field tells the values. */
  private ArrowField encoded(
      ArrowField indexes, List<ArrowField> children, long flags, long dictionary, Place place) {
    if (!(indexes.type() instanceof ArrowType.Int indexType) || !children.isEmpty()) {
      throw place.broken(KNOWN_TYPE, "a dictionary whose indexes are " + indexes.type() + " with "
          + children.size() + " children");
    }
    long id = dictionaries++;
    Place within = place.child("dictionary");
    CStruct.SCHEMA.requireLive(dictionary, within);
    ArrowField values = field(dictionary, within);
    if (values.dictionaryEncoded()) {
      throw within.broken(KNOWN_TYPE,
          "a dictionary whose values are indexes themselves; decode them"
              + " first");
    }
    Map<String, String> metadata = new LinkedHashMap<>(values.metadata());
    metadata.putAll(indexes.metadata());
    return made(
        indexes.name(), values.type(), indexes.nullable(),
        Optional.of(
            new DictionaryEncoding(id, indexType, (flags & Flags.DICTIONARY_ORDERED) != 0)),
        values.children(), metadata, place);
  }

  private static ArrowField made(
      String name, ArrowType type, boolean nullable, Optional<DictionaryEncoding> dictionary,
      List<ArrowField> children, Map<String, String> metadata, Place place) {
    try {
      return new ArrowField(name, type, nullable, dictionary, children, metadata);
    } catch (IllegalArgumentException impossible) {
      throw place.broken(KNOWN_TYPE, "" + impossible.getMessage());
    }
  }

  private static ArrowType type(long struct, long flags, Place place) {
    long address = Memory.word(struct + StructKind.FORMAT);
    if (address == 0) {
      throw place.broken(KNOWN_TYPE, "its format is null");
    }
    String format = text(address, place, "the format");
    try {
      return FormatString.parse(format, (flags & Flags.MAP_KEYS_SORTED) != 0);
    } catch (IllegalArgumentException impossible) {
      throw place.broken(
          KNOWN_TYPE, "the format \"" + format + "\": " + impossible.getMessage());
    }
  }

  private List<ArrowField> children(long struct, Place place) {
    long count = Memory.word(struct + StructKind.CHILD_COUNT);
    if (count < 0 || count > MAX_STRUCTS) {
      throw place.broken(COUNTS, "n_children is " + count);
    }
    long addresses = Memory.word(struct + StructKind.SCHEMA.children());
    if (count > 0 && addresses == 0) {
      throw place.broken(CStruct.LIVE, "its " + count + " children are null");
    }
    List<ArrowField> children = new ArrayList<>((int) Math.min(count, 64));
    for (int i = 0; i < count; i++) {
      Place within = place.child("[" + i + "]");
      long child = Memory.word(addresses + (long) i * Long.BYTES);
      CStruct.SCHEMA.requireLive(child, within);
      children.add(field(child, within));
    }
    return children;
  }

  private static String text(long address, Place place, String what) {
    if (address == 0) {
      return "";
    }
    int length = Memory.stringLength(address, MAX_TEXT_BYTES);
    if (length < 0) {
      throw place.broken(COUNTS, what + " has more than " + MAX_TEXT_BYTES + " bytes");
    }
    return MetadataBlob.decode(Memory.read(address, length), place, what);
  }
}
