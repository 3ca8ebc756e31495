package io.tensorbridge.arrow;

import com.google.flatbuffers.FlatBufferBuilder;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.flatbuf.Buffer;
import org.apache.arrow.flatbuf.FieldNode;
import org.apache.arrow.flatbuf.Message;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.MetadataVersion;
import org.apache.arrow.flatbuf.RecordBatch;
import org.jspecify.annotations.Nullable;

/**
 * The layout of a record batch before its large buffers are there; not thread-safe.
 *
 * <p>Fields are added in the order of a walk over the schema, each before its children: a {@link
 * #node}, and its buffers, each either given ({@link #buffer}) or only reserved ({@link #reserve}).
 * Every buffer begins at a multiple of 64 bytes of the body, and so of the file.
 */
public final class BatchPlan {
  static final int ALIGNMENT = 64;

  private final long rowCount;
  private final List<Node> nodes = new ArrayList<>();
  private final List<Piece> pieces = new ArrayList<>();
  private long bodyLength;

  /** Rows and nulls of a field. */
  private record Node(long length, long nullCount) {}

  /**
   * A buffer.
   *
   * @param offset in the body
   * @param byteLength without padding
   * @param content null if it is written later
   */
  record Piece(long offset, long byteLength, @Nullable MemorySegment content) {}

  /**
   * A batch without fields.
   *
   * @param rowCount its rows
   */
  public BatchPlan(long rowCount) {
    this.rowCount = rowCount;
  }

  /**
   * Begins a field.
   *
   * @param length rows, or values of a child
   * @param nullCount how many are null
   */
  public void node(long length, long nullCount) {
    nodes.add(new Node(length, nullCount));
  }

  /**
   * Adds a small buffer.
   *
   * @param content its bytes; kept, not copied
   */
  public void buffer(MemorySegment content) {
    add(content.byteSize(), content);
  }

  /**
   * Adds a buffer that will be written by {@link ArrowFileWriter#write}.
   *
   * @param byteLength its bytes
   * @return where it begins in the body
   */
  public long reserve(long byteLength) {
    return add(byteLength, null);
  }

  private long add(long byteLength, @Nullable MemorySegment content) {
    long offset = bodyLength;
    pieces.add(new Piece(offset, byteLength, content));
    bodyLength = Math.addExact(offset, padded(byteLength));
    return offset;
  }

  static long padded(long byteLength) {
    return Math.addExact(byteLength, ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  List<Piece> pieces() {
    return pieces;
  }

  long bodyLength() {
    return bodyLength;
  }

  /** The flatbuffer of the message. */
  byte[] metadata() {
    FlatBufferBuilder builder = new FlatBufferBuilder();
    RecordBatch.startNodesVector(builder, nodes.size());
    for (Node node : nodes.reversed()) {
      FieldNode.createFieldNode(builder, node.length, node.nullCount);
    }
    int nodesVector = builder.endVector();
    RecordBatch.startBuffersVector(builder, pieces.size());
    for (Piece piece : pieces.reversed()) {
      Buffer.createBuffer(builder, piece.offset, piece.byteLength);
    }
    int buffersVector = builder.endVector();
    int batch =
        RecordBatch.createRecordBatch(builder, rowCount, nodesVector, buffersVector, 0, 0);
    return finish(builder, MessageHeader.RecordBatch, batch, bodyLength);
  }

  static byte[] finish(FlatBufferBuilder builder, byte type, int header, long bodyLength) {
    int message =
        Message.createMessage(builder, MetadataVersion.V5, type, header, bodyLength, 0);
    builder.finish(message);
    return builder.sizedByteArray();
  }
}
