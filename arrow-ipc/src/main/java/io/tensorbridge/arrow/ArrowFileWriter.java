package io.tensorbridge.arrow;

import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.PendingFile;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Writes an Arrow IPC file whose layout is known before the first value; thread-safe.
 *
 * <p>Everything but the reserved buffers is written at once. These may then be filled in any order;
 * what is not written is zero. The bytes depend on the plans and the values only.
 */
public final class ArrowFileWriter implements AutoCloseable {
  private final PendingFile file;
  private final List<MessageBytes.Place> places;

  private ArrowFileWriter(PendingFile file, List<MessageBytes.Place> places) {
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
    byte[] head = MessageBytes.schema(schema, FileFraming.HEAD_BYTES);
    List<MessageBytes.Place> places = new ArrayList<>(batches.size());
    PendingFile file = PendingFile.create(target);
    try {
      file.write(0, MemorySegment.ofArray(ArrowFile.MAGIC));
      file.write(FileFraming.HEAD_BYTES, MemorySegment.ofArray(head));
      long offset = (long) FileFraming.HEAD_BYTES + head.length;
      for (BatchPlan batch : batches) {
        byte[] metadata = MessageBytes.framed(batch.metadata(), offset);
        MessageBytes.Place place =
            new MessageBytes.Place(offset, metadata.length, batch.bodyLength());
        writeBatch(file, batch, metadata, place);
        places.add(place);
        offset = place.bodyOffset() + place.bodyLength();
      }
      file.write(offset,
          MemorySegment.ofArray(MessageBytes.end(schema, List.of(), places, Map.of())));
      return new ArrowFileWriter(file, places);
    } catch (RuntimeException | Error failure) {
      file.close();
      throw failure;
    }
  }

  private static void writeBatch(PendingFile file, BatchPlan batch, byte[] metadata,
      MessageBytes.Place place) {
    file.write(place.offset(), MemorySegment.ofArray(metadata));
    for (BatchPlan.Piece piece : batch.pieces()) {
      MemorySegment content = piece.content();
      if (content != null) {
        file.write(place.bodyOffset() + piece.offset(), content);
      }
    }
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
    MessageBytes.Place place = places.get(batch);
    if (bodyOffset < 0 || bytes.byteSize() > place.bodyLength() - bodyOffset) {
      throw new IndexOutOfBoundsException(
          bodyOffset + " + " + bytes.byteSize() + " of " + place.bodyLength() + " bytes");
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
