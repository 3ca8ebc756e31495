package io.tensorbridge.arrow;

import io.tensorbridge.FormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.arrow.flatbuf.BodyCompression;
import org.apache.arrow.flatbuf.BodyCompressionMethod;
import org.apache.arrow.flatbuf.Buffer;
import org.apache.arrow.flatbuf.CompressionType;
import org.apache.arrow.flatbuf.FieldNode;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.MetadataVersion;
import org.apache.arrow.flatbuf.RecordBatch;
import org.jspecify.annotations.Nullable;

/**
 * Turns a message into columns: nodes and buffers stand in the order of a walk over the fields of the
 * schema, each before its children.
 */
final class BatchReader {
  static final String BATCH = "a record batch in each block";
  static final String COMPRESSION = "bodies compressed with LZ4_FRAME or ZSTD";
  static final String ANNOUNCED = "lengths that compressed bytes can have";
  static final String NODES = "one node for each field";
  static final String BUFFERS = "as many buffers as the fields have";
  static final String WITHIN = "buffers within the body";
  static final String UNIONS = "unions without nulls of their own";
  static final String ROWS = "columns of as many rows as the batch";

  private static final String OLD_COMPRESSION = "ARROW:experimental_compression";

  private final IpcMessage message;
  private final RecordBatch batch;
  private final Dictionaries dictionaries;
  private final @Nullable ArrowCompression compression;
  private int node;
  private int buffer;
  private int variadic;

  private BatchReader(IpcMessage message, RecordBatch batch, Dictionaries dictionaries) {
    this.message = message;
    this.batch = batch;
    this.dictionaries = dictionaries;
    this.compression = compression(batch.compression());
  }

  /**
   * Reads rows.
   *
   * @throws FormatException with the rule that is broken
   */
  static ArrowBatch read(ArrowSchema schema, IpcMessage message, Dictionaries dictionaries) {
    RecordBatch batch =
        message.header().headerType() == MessageHeader.RecordBatch
            ? (RecordBatch) message.header().header(new RecordBatch())
            : null;
    if (batch == null) {
      throw message.metadata().broken(
          0, BATCH, "a message of the type " + message.header().headerType());
    }
    Map<String, String> metadata =
        SchemaReader.pairs(
            message.header().customMetadataLength(), message.header()::customMetadata);
    if (metadata.containsKey(OLD_COMPRESSION)) {
      throw message.metadata().broken(0, COMPRESSION, "the body is compressed as Arrow 0.17 did it;"
          + " read the file with PyArrow and write it again");
    }
    List<ArrowColumn> columns =
        new BatchReader(message, batch, dictionaries).columns(schema.fields());
    return new ArrowBatch(batch.length(), columns, metadata);
  }

  /**
   * Reads the values of a dictionary.
   *
   * @throws FormatException with the rule that is broken
   */
  static ArrowColumn readValues(
      ArrowField field, IpcMessage message, RecordBatch batch, Dictionaries dictionaries) {
    return new BatchReader(message, batch, dictionaries).columns(List.of(field)).getFirst();
  }

  private @Nullable ArrowCompression compression(@Nullable BodyCompression body) {
    if (body == null) {
      return null;
    }
    if (body.method() == BodyCompressionMethod.BUFFER) {
      if (body.codec() == CompressionType.LZ4_FRAME) {
        return ArrowCompression.LZ4_FRAME;
      } else if (body.codec() == CompressionType.ZSTD) {
        return ArrowCompression.ZSTD;
      }
    }
    throw broken(COMPRESSION, "the body is compressed with codec " + body.codec() + ", method "
        + body.method());
  }

  private List<ArrowColumn> columns(List<ArrowField> fields) {
    List<ArrowColumn> columns = new ArrayList<>(fields.size());
    for (ArrowField field : fields) {
      ArrowColumn column = column(field);
      if (column.length() != batch.length()) {
        throw broken(ROWS, "the column \"" + field.name() + "\" has " + column.length()
            + " rows in a batch of " + batch.length());
      }
      columns.add(column);
    }
    if (node != batch.nodesLength()) {
      throw broken(NODES, batch.nodesLength() + " nodes for " + node + " fields");
    }
    if (buffer != batch.buffersLength()) {
      throw broken(BUFFERS, batch.buffersLength() + " buffers where " + buffer + " are needed");
    }
    if (batch.length() < 0) {
      throw broken(ROWS, "a batch of " + batch.length() + " rows");
    }
    return columns;
  }

  private ArrowColumn column(ArrowField field) {
    if (node >= batch.nodesLength()) {
      throw broken(NODES, batch.nodesLength() + " nodes are too few");
    }
    FieldNode counts = batch.nodes(node++);
    long rows = counts.length();
    long nulls = counts.nullCount();
    ArrowLayout layout = field.storageType().layout();
    skipValidityOfUnion(field, nulls);
    int count = layout.buffers().size() + (layout.variadic() ? furtherBuffers() : 0);
    if (count > batch.buffersLength() - buffer) {
      throw broken(BUFFERS, batch.buffersLength() + " buffers are too few");
    }
    List<ColumnBuffer> buffers = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      buffers.add(buffer(field));
    }
    List<ArrowField> fields = field.storageChildren();
    List<ArrowColumn> children = new ArrayList<>(fields.size());
    for (ArrowField child : fields) {
      children.add(column(child));
    }
    Optional<ArrowColumn> dictionary =
        field.dictionary()
            .map(encoding -> dictionaries.values(field, encoding, rows == nulls, this::broken));
    ArrowColumn column = new ArrowColumn(field, rows, nulls, buffers, children, dictionary);
    ColumnCheck.requireConsistent(column, message.metadata());
    return column;
  }

  /** Before Arrow 1.0 unions had nulls of their own. */
  private void skipValidityOfUnion(ArrowField field, long nulls) {
    if (field.storageType() instanceof ArrowType.Union
        && message.header().version() == MetadataVersion.V4) {
      if (nulls != 0) {
        throw broken(UNIONS, "the column \"" + field.name() + "\" has " + nulls
            + " nulls as Arrow before 1.0 wrote them; write the file again with such a version,"
            + " the nulls in the union's children");
      }
      buffer++;
    }
  }

  private int furtherBuffers() {
    long further =
        variadic < batch.variadicBufferCountsLength() ? batch.variadicBufferCounts(variadic) : -1;
    variadic++;
    if (further < 0 || further > batch.buffersLength()) {
      throw broken(BUFFERS, further + " further buffers of a column of views");
    }
    return (int) further;
  }

  private ColumnBuffer buffer(ArrowField field) {
    Buffer place = batch.buffers(buffer++);
    long offset = place.offset();
    long length = place.length();
    if (offset < 0 || length < 0 || offset > message.body().size() - length) {
      throw broken(WITHIN, "a buffer of the column \"" + field.name() + "\" of " + length
          + " bytes at byte " + offset + " of a body of " + message.body().size());
    }
    return compression == null || length == 0
        ? inPlace(offset, length)
        : compressed(compression, offset, length);
  }

  private ColumnBuffer inPlace(long offset, long length) {
    return ColumnBuffer.inPlace(
        message.body(), offset, length, dictionaries.memory().sourceBacking());
  }

  /** Behind the announced length stand either the bytes as they are or compressed ones. */
  private ColumnBuffer compressed(ArrowCompression codec, long offset, long length) {
    ColumnBuffer stored = inPlace(offset, length);
    int prefix = ArrowCompression.PREFIX_BYTES;
    long announced =
        length < prefix ? ArrowCompression.AS_IT_IS - 1 : stored.integer(0, Long.SIZE);
    if (announced == ArrowCompression.AS_IT_IS) {
      return inPlace(offset + prefix, length - prefix);
    }
    if (announced < 0 || announced > codec.mostBytes(length - prefix)) {
      throw stored.broken(0, ANNOUNCED, length + " compressed bytes announce "
          + (length < prefix ? "nothing" : announced + " bytes"));
    }
    OwnMemory memory = dictionaries.memory();
    memory.announce(announced, stored);
    return ColumnBuffer.compressed(message.body(), offset,
        new CompressedBuffer(codec, stored.bytes().asSlice(prefix), announced, memory));
  }

  private FormatException broken(String rule, String found) {
    return message.metadata().broken(0, rule, found);
  }
}
