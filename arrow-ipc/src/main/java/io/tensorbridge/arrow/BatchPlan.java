package io.tensorbridge.arrow;

import com.google.flatbuffers.FlatBufferBuilder;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.arrow.flatbuf.Buffer;
import org.apache.arrow.flatbuf.DictionaryBatch;
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

  /** No bytes: a buffer that nothing reads. */
  static final MemorySegment NOTHING = MemorySegment.ofArray(new byte[0]);

  private final long rowCount;
  private final Map<String, String> batchMetadata;
  private final Compressor compressor;
  private final List<Long> variadicCounts = new ArrayList<>();
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
    this(rowCount, Map.of(), Compressor.NONE);
  }

  BatchPlan(long rowCount, Map<String, String> batchMetadata, Compressor compressor) {
    this.rowCount = rowCount;
    this.batchMetadata = batchMetadata;
    this.compressor = compressor;
  }

  /**
   * A batch whose buffers are all reserved, in the final layout: of columns without nulls whose
   * values have a fixed width, or are structs or lists of fixed size of such.
   *
   * @param schema the columns
   * @param rowCount its rows
   * @return the plan
   * @throws IllegalArgumentException if the bytes of a column depend on its values
   */
  public static BatchPlan reserved(ArrowSchema schema, long rowCount) {
    BatchPlan plan = new BatchPlan(rowCount);
    schema.fields().forEach(field -> plan.reserveField(field, rowCount));
    return plan;
  }

  private void reserveField(ArrowField field, long rows) {
    ArrowLayout layout = field.storageType().layout();
    boolean runs = field.storageType() instanceof ArrowType.RunEndEncoded;
    if (field.dictionaryEncoded() || layout.variadic() || runs || !layout.hasValidity()
        || layout.buffers().size() != (layout.valueBits() == 0 ? 1 : 2)) {
      throw new IllegalArgumentException("the bytes of " + field + " depend on its values");
    }
    node(rows, 0);
    buffer(NOTHING);
    if (layout.valueBits() != 0) {
      reserve(layout.buffers().getLast().byteLength(rows));
    }
    long within = field.type() instanceof ArrowType.FixedSizeList(int size)
        ? Math.multiplyExact(rows, size)
        : rows;
    field.children().forEach(child -> reserveField(child, within));
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
    MemorySegment stored = compressor.compress(content);
    add(stored.byteSize(), stored);
  }

  /**
   * Tells how many data buffers follow the views of a field, before or behind its buffers.
   *
   * @param count of buffers
   */
  public void viewed(int count) {
    variadicCounts.add((long) count);
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

  /** The flatbuffer of a message of rows. */
  byte[] metadata() {
    FlatBufferBuilder builder = new FlatBufferBuilder();
    return finish(
        builder, MessageHeader.RecordBatch, recordBatch(builder), bodyLength, batchMetadata);
  }

  /** The flatbuffer of a message of the values of a dictionary. */
  byte[] dictionaryMetadata(long id, boolean delta) {
    FlatBufferBuilder builder = new FlatBufferBuilder();
    int batch = DictionaryBatch.createDictionaryBatch(builder, id, recordBatch(builder), delta);
    return finish(builder, MessageHeader.DictionaryBatch, batch, bodyLength, batchMetadata);
  }

  private int recordBatch(FlatBufferBuilder builder) {
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
    int counts = variadicCounts.isEmpty()
        ? 0
        : RecordBatch.createVariadicBufferCountsVector(
            builder, variadicCounts.stream().mapToLong(count -> count).toArray());
    int compression = compressor.metadata(builder);
    return RecordBatch.createRecordBatch(
        builder, rowCount, nodesVector, buffersVector, compression, counts);
  }

  static byte[] finish(FlatBufferBuilder builder, byte type, int header, long bodyLength) {
    return finish(builder, type, header, bodyLength, Map.of());
  }

  private static byte[] finish(FlatBufferBuilder builder, byte type, int header, long bodyLength,
      Map<String, String> metadata) {
    int pairs = metadata.isEmpty()
        ? 0
        : Message.createCustomMetadataVector(builder, SchemaWriter.pairs(builder, metadata));
    int message =
        Message.createMessage(builder, MetadataVersion.V5, type, header, bodyLength, pairs);
    builder.finish(message);
    return builder.sizedByteArray();
  }
}
