package io.tensorbridge.arrow;

import com.google.flatbuffers.FlatBufferBuilder;
import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.PendingFile;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.flatbuf.Block;
import org.apache.arrow.flatbuf.Footer;
import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.MetadataVersion;

/**
 * Writes an Arrow IPC file whose layout is known before the first value; thread-safe.
 *
 * <p>Everything but the reserved buffers is written at once. These may then be filled in any order;
 * what is not written is zero. The bytes depend on the plans and the values only.
 */
public final class ArrowFileWriter implements AutoCloseable {
  private final PendingFile file;
  private final List<Place> places;

  /** Where a batch stands. */
  private record Place(long offset, int metadataLength, long bodyLength) {
    long bodyOffset() {
      return offset + metadataLength;
    }
  }

  private ArrowFileWriter(PendingFile file, List<Place> places) {
    this.file = file;
    this.places = places;
  }

  /**
   * Begins a file.
   *
   * @param target where it shall appear; an older one is replaced
   * @param schema the columns
   * @param batches the rows, each with nodes and buffers for all fields of the schema
   * @return the writer, owned by the caller
   * @throws FormatException if the disk refuses it
   * @throws IllegalArgumentException if the schema has a type that can't be written
   */
  public static ArrowFileWriter create(Path target, ArrowSchema schema, List<BatchPlan> batches) {
    byte[] head = message(schemaMessage(schema), FileFraming.HEAD_BYTES);
    List<Place> places = new ArrayList<>(batches.size());
    PendingFile file = PendingFile.create(target);
    try {
      file.write(0, MemorySegment.ofArray(ArrowFile.MAGIC));
      file.write(FileFraming.HEAD_BYTES, MemorySegment.ofArray(head));
      long offset = (long) FileFraming.HEAD_BYTES + head.length;
      for (BatchPlan batch : batches) {
        byte[] metadata = message(batch.metadata(), offset);
        Place place = new Place(offset, metadata.length, batch.bodyLength());
        writeBatch(file, batch, metadata, place);
        places.add(place);
        offset = place.bodyOffset() + place.bodyLength;
      }
      file.write(offset, MemorySegment.ofArray(end(schema, places)));
      return new ArrowFileWriter(file, places);
    } catch (RuntimeException | Error failure) {
      file.close();
      throw failure;
    }
  }

  private static void writeBatch(PendingFile file, BatchPlan batch, byte[] metadata, Place place) {
    file.write(place.offset, MemorySegment.ofArray(metadata));
    for (BatchPlan.Piece piece : batch.pieces()) {
      MemorySegment content = piece.content();
      if (content != null) {
        file.write(place.bodyOffset() + piece.offset(), content);
      }
    }
  }

  private static byte[] schemaMessage(ArrowSchema schema) {
    FlatBufferBuilder builder = new FlatBufferBuilder();
    int table = SchemaWriter.write(builder, schema);
    return BatchPlan.finish(builder, MessageHeader.Schema, table, 0);
  }

  /** The prefix and the metadata, padded so that what follows is aligned in the file. */
  private static byte[] message(byte[] metadata, long offset) {
    long end = BatchPlan.padded(offset + IpcMessage.PREFIX_BYTES + metadata.length);
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.toIntExact(end - offset)).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putInt(IpcMessage.CONTINUATION);
    bytes.putInt(bytes.capacity() - IpcMessage.PREFIX_BYTES);
    return bytes.put(metadata).array();
  }

  /** The end of the stream in the file, the footer, its length, and the magic. */
  private static byte[] end(ArrowSchema schema, List<Place> places) {
    FlatBufferBuilder builder = new FlatBufferBuilder();
    int table = SchemaWriter.write(builder, schema);
    Footer.startDictionariesVector(builder, 0);
    int dictionaries = builder.endVector();
    Footer.startRecordBatchesVector(builder, places.size());
    for (Place place : places.reversed()) {
      Block.createBlock(builder, place.offset, place.metadataLength, place.bodyLength);
    }
    int blocks = builder.endVector();
    builder.finish(
        Footer.createFooter(builder, MetadataVersion.V5, table, dictionaries, blocks, 0));
    byte[] footer = builder.sizedByteArray();
    return ByteBuffer.allocate(IpcMessage.PREFIX_BYTES + footer.length + FileFraming.TAIL_BYTES)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(IpcMessage.CONTINUATION)
        .putInt(0)
        .put(footer)
        .putInt(footer.length)
        .put(ArrowFile.MAGIC)
        .array();
  }

  /**
   * Writes a part of a reserved buffer.
   *
   * @param batch the index of its batch
   * @param bodyOffset where in the batch's body, from {@link BatchPlan#reserve}
   * @param bytes what to write
   * @throws FormatException if the disk refuses it
   * @throws IndexOutOfBoundsException if the body has fewer bytes
   */
  public void write(int batch, long bodyOffset, MemorySegment bytes) {
    Place place = places.get(batch);
    if (bodyOffset < 0 || bytes.byteSize() > place.bodyLength - bodyOffset) {
      throw new IndexOutOfBoundsException(
          bodyOffset + " + " + bytes.byteSize() + " of " + place.bodyLength + " bytes");
    }
    file.write(place.bodyOffset() + bodyOffset, bytes);
  }

  /**
   * Makes the file appear under its name, replacing an older one.
   *
   * @throws FormatException if the disk refuses it
   */
  public void commit() {
    file.commit();
  }

  /** Gives up an uncommitted file and leaves nothing behind; after a commit does nothing. */
  @Override
  public void close() {
    file.close();
  }
}
