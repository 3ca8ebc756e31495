package io.tensorbridge.arrow;

import io.tensorbridge.FormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.arrow.flatbuf.Buffer;
import org.apache.arrow.flatbuf.FieldNode;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.MetadataVersion;
import org.apache.arrow.flatbuf.RecordBatch;

/**
 * Turns a message into columns: nodes and buffers stand in the order of a walk over the fields of the
 * schema, each before its children.
 */
final class BatchReader {
  static final String BATCH = "a record batch in each block";
  static final String UNCOMPRESSED = "uncompressed bodies";
  static final String NODES = "one node for each field";
  static final String BUFFERS = "as many buffers as the fields have";
  static final String WITHIN = "buffers within the body";
  static final String UNIONS = "unions without nulls of their own";
  static final String ROWS = "columns of as many rows as the batch";

  private final IpcMessage message;
  private final RecordBatch batch;
  private int node;
  private int buffer;
  private int variadic;

  private BatchReader(IpcMessage message, RecordBatch batch) {
    this.message = message;
    this.batch = batch;
  }

  /**
   * Reads a message.
   *
   * @throws FormatException with the rule that is broken
   */
  static ArrowBatch read(ArrowSchema schema, IpcMessage message) {
    RecordBatch batch =
        message.header().headerType() == MessageHeader.RecordBatch
            ? (RecordBatch) message.header().header(new RecordBatch())
            : null;
    if (batch == null) {
      throw message.metadata().broken(
          0, BATCH, "a message of the type " + message.header().headerType());
    }
    if (batch.compression() != null) {
      throw message.metadata().broken(0, UNCOMPRESSED,
          "the body is compressed; write the file without, for example pyarrow.feather.write_feather("
              + "table, path, compression=\"uncompressed\")");
    }
    return new BatchReader(message, batch).read(schema);
  }

  private ArrowBatch read(ArrowSchema schema) {
    List<ArrowColumn> columns = new ArrayList<>(schema.fields().size());
    for (ArrowField field : schema.fields()) {
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
    return new ArrowBatch(batch.length(), columns);
  }

  private ArrowColumn column(ArrowField field) {
    if (node >= batch.nodesLength()) {
      throw broken(NODES, batch.nodesLength() + " nodes are too few");
    }
    FieldNode counts = batch.nodes(node++);
    ArrowLayout layout = field.storageType().layout();
    skipValidityOfUnion(field, counts);
    int count = layout.buffers().size() + (layout.variadic() ? furtherBuffers() : 0);
    if (count > batch.buffersLength() - buffer) {
      throw broken(BUFFERS, batch.buffersLength() + " buffers are too few");
    }
    List<ColumnBuffer> buffers = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      buffers.add(buffer(field));
    }
    List<ArrowColumn> children = new ArrayList<>(field.storageChildren().size());
    for (ArrowField child : field.storageChildren()) {
      children.add(column(child));
    }
    ArrowColumn column =
        new ArrowColumn(field, counts.length(), counts.nullCount(), buffers, children,
            Optional.empty());
    ColumnCheck.requireConsistent(column, message.metadata());
    return column;
  }

  /** Before Arrow 1.0 unions had nulls of their own. */
  private void skipValidityOfUnion(ArrowField field, FieldNode counts) {
    if (field.storageType() instanceof ArrowType.Union
        && message.header().version() == MetadataVersion.V4) {
      if (counts.nullCount() != 0) {
        throw broken(UNIONS, "the column \"" + field.name() + "\" has " + counts.nullCount()
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
    return new ColumnBuffer(
        message.body().bytes().asSlice(offset, length), message.body(), offset, true);
  }

  private FormatException broken(String rule, String found) {
    return message.metadata().broken(0, rule, found);
  }
}
