package io.tensorbridge.arrow;

import com.google.flatbuffers.FlatBufferBuilder;
import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.ByteSource;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.flatbuf.Message;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.RecordBatch;
import org.apache.arrow.flatbuf.Schema;

/**
 * Messages one by one, for what has a framing of its own: the metadata of each is a flatbuffer
 * without the prefix that files and streams put before it.
 */
public final class ArrowMessages {
  private static final String PLACE = "the metadata of a message";
  private static final String SCHEMA = "a schema";
  private static final MemorySegment ZEROS =
      MemorySegment.ofArray(new byte[BatchPlan.ALIGNMENT]).asReadOnly();

  private ArrowMessages() {}

  /** What a message is. */
  public enum Kind {
    /** The columns. */
    SCHEMA,
    /** Values that columns refer to. */
    DICTIONARY,
    /** Rows. */
    BATCH,
    /** Something else: a tensor, or what a later version of the format brings. */
    OTHER
  }

  /**
   * What the metadata of a message tells.
   *
   * @param kind what the message is
   * @param rowCount the rows of a batch; 0 for others
   * @param bodyLength bytes behind the metadata
   */
  public record Head(Kind kind, long rowCount, long bodyLength) {}

  /**
   * Writes a schema.
   *
   * @param schema the columns
   * @return the metadata of its message, which has no body
   */
  public static byte[] write(ArrowSchema schema) {
    FlatBufferBuilder builder = new FlatBufferBuilder();
    int table = SchemaWriter.write(builder, schema);
    return BatchPlan.finish(builder, MessageHeader.Schema, table, 0);
  }

  /**
   * Writes what stands before the buffers of a batch.
   *
   * @param batch its rows
   * @return the metadata of its message
   */
  public static byte[] write(BatchPlan batch) {
    return batch.metadata();
  }

  /**
   * The body of a batch whose buffers are all given.
   *
   * @param batch its rows
   * @return the buffers in place, with padding between them
   * @throws IllegalStateException if a buffer is only reserved
   */
  public static List<MemorySegment> body(BatchPlan batch) {
    List<MemorySegment> body = new ArrayList<>();
    for (BatchPlan.Piece piece : batch.pieces()) {
      MemorySegment content = piece.content();
      if (content == null) {
        throw new IllegalStateException("a buffer of " + piece.byteLength() + " bytes is reserved");
      }
      body.add(content);
      body.add(ZEROS.asSlice(0, BatchPlan.padded(piece.byteLength()) - piece.byteLength()));
    }
    return body;
  }

  /**
   * Reads a schema.
   *
   * @param metadata of its message
   * @return the columns
   * @throws FormatException if it is broken, or no schema
   */
  public static ArrowSchema readSchema(byte[] metadata) {
    ByteSource place = place(metadata);
    Message message = verified(place);
    if (!(message.headerType() == MessageHeader.Schema
        && message.header(new Schema()) instanceof Schema schema)) {
      throw place.broken(0, SCHEMA, "a message of the type " + message.headerType());
    }
    return SchemaReader.read(schema, place, message.version());
  }

  /**
   * Reads what a message is; the rest of its metadata is verified, but not its buffers.
   *
   * @param metadata of any message
   * @return what it tells
   * @throws FormatException if it is broken
   */
  public static Head readHead(byte[] metadata) {
    Message message = verified(place(metadata));
    long rows = message.headerType() == MessageHeader.RecordBatch
        && message.header(new RecordBatch()) instanceof RecordBatch batch ? batch.length() : 0;
    return new Head(kind(message.headerType()), rows, message.bodyLength());
  }

  private static Kind kind(byte headerType) {
    return switch (headerType) {
      case MessageHeader.Schema -> Kind.SCHEMA;
      case MessageHeader.DictionaryBatch -> Kind.DICTIONARY;
      case MessageHeader.RecordBatch -> Kind.BATCH;
      default -> Kind.OTHER;
    };
  }

  private static ByteSource place(byte[] metadata) {
    return new ByteSource(PLACE, 0, MemorySegment.ofArray(metadata));
  }

  private static Message verified(ByteSource place) {
    return Message.getRootAsMessage(MetadataVerifier.verify(place, MetadataTable.MESSAGE));
  }
}
