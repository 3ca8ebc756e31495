package io.tensorbridge.arrow.cdata;

import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.DictionaryEncoding;
import io.tensorbridge.arrow.internal.cdata.Memory;
import io.tensorbridge.arrow.internal.cdata.StructKind;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Writes fields into structs. */
final class SchemaExport {
  private static final MemorySegment NONE = MemorySegment.NULL;

  private int count;
  private long byteSize;

  private SchemaExport() {}

  /**
   * What a struct says.
   *
   * @param metadata empty if there are none
   * @param dictionary holds none or one
   */
  private record Node(
      MemorySegment format,
      MemorySegment name,
      MemorySegment metadata,
      long flags,
      List<Node> children,
      Optional<Node> dictionary) {}

  static void export(ArrowSchema schema, long target) {
    ArrowField root =
        new ArrowField("", new ArrowType.Struct(), false, Optional.empty(), schema.fields(),
            schema.metadata());
    export(root, target);
  }

  static void export(ArrowField field, long target) {
    SchemaExport export = new SchemaExport();
    Node root = export.node(field);
    TreeBlock block = new TreeBlock(StructKind.SCHEMA, export.count, export.byteSize);
    try {
      write(root, block);
      block.publish(() -> SchemaExport::nothing, target);
    } catch (RuntimeException | Error failure) {
      block.abort();
      throw failure;
    }
  }

  /** What ends names and types that were copied. */
  private static void nothing() {}

  private Node node(ArrowField field) {
    List<Node> children = new ArrayList<>(field.storageChildren().size());
    for (ArrowField child : field.storageChildren()) {
      children.add(node(child));
    }
    MemorySegment format = text(FormatString.of(field.storageType()));
    MemorySegment name = text(field.name());
    MemorySegment metadata =
        field.metadata().isEmpty()
            ? NONE
            : MemorySegment.ofArray(MetadataBlob.encode(field.metadata()));
    count++;
    byteSize += TreeBlock.padded(format.byteSize()) + TreeBlock.padded(name.byteSize())
        + TreeBlock.padded(metadata.byteSize()) + (long) children.size() * Long.BYTES;
    Optional<Node> dictionary =
        field.dictionaryEncoded()
            ? Optional.of(node(field.valueField().withMetadata(Map.of())))
            : Optional.empty();
    return new Node(format, name, metadata, flags(field), children, dictionary);
  }

  private static MemorySegment text(String text) {
    if (text.indexOf('\0') >= 0) {
      throw new IllegalArgumentException(
          "the name \"" + text.replace("\0", "\\0") + "\" has a zero, which a string of C can't");
    }
    return MemorySegment.ofArray((text + '\0').getBytes(StandardCharsets.UTF_8));
  }

  private static long flags(ArrowField field) {
    long flags = field.nullable() ? Flags.NULLABLE : 0;
    if (field.dictionary().map(DictionaryEncoding::ordered).orElse(false)) {
      flags |= Flags.DICTIONARY_ORDERED;
    }
    if (field.storageType() instanceof ArrowType.Map(boolean keysSorted) && keysSorted) {
      flags |= Flags.MAP_KEYS_SORTED;
    }
    return flags;
  }

  private static long write(Node node, TreeBlock block) {
    int number = block.begin();
    long struct = block.struct(number);
    Memory.setWord(struct + StructKind.FORMAT, block.copy(node.format));
    Memory.setWord(struct + StructKind.NAME, block.copy(node.name));
    Memory.setWord(
        struct + StructKind.METADATA,
        node.metadata.byteSize() == 0 ? 0 : block.copy(node.metadata));
    Memory.setWord(struct + StructKind.FLAGS, node.flags);
    Memory.setWord(struct + StructKind.CHILD_COUNT, node.children.size());
    if (!node.children.isEmpty()) {
      long children = block.reserve((long) node.children.size() * Long.BYTES);
      Memory.setWord(struct + StructKind.SCHEMA.children(), children);
      for (int i = 0; i < node.children.size(); i++) {
        Memory.setWord(children + (long) i * Long.BYTES, write(node.children.get(i), block));
      }
    }
    if (node.dictionary.isPresent()) {
      Memory.setWord(
          struct + StructKind.SCHEMA.dictionary(), write(node.dictionary.get(), block));
    }
    block.end(number);
    return struct;
  }
}
