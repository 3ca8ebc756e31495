package io.tensorbridge.arrow.flight;

import io.tensorbridge.FormatException;
import io.tensorbridge.arrow.ArrowMessages;
import io.tensorbridge.shm.SharedRegion;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A table that is being received; not thread-safe.
 *
 * <p>Each slab is an IPC stream of its own: the schema, dictionaries and batches, and the end, so that
 * a process of the same user can read it where it is. Bodies begin at multiples of 64 bytes.
 */
final class TableUpload implements AutoCloseable {
  private static final long MOST_SLAB_BYTES = 64 << 20;
  private static final int ALIGNMENT = 64;
  private static final int PREFIX_BYTES = 8;
  private static final int CONTINUATION = -1;
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final SlabPool pool;
  private final byte[] schema;
  private final List<SharedRegion> slabs = new ArrayList<>();
  private final List<StoredTable.Message> messages = new ArrayList<>();
  private final List<StoredTable.Piece> pieces = new ArrayList<>();
  private @Nullable SharedRegion slab;
  private long used;
  private long rowCount;
  private long byteCount;
  private boolean hasDictionaries;

  /**
   * Begins a table.
   *
   * @throws FormatException if that is no schema
   */
  TableUpload(SlabPool pool, byte[] schema) {
    ArrowMessages.readSchema(schema);
    this.pool = pool;
    this.schema = schema;
  }

  /**
   * Adds a dictionary or a batch.
   *
   * @throws FormatException if it is neither, or its body is not as long as it says
   * @throws io.tensorbridge.QuotaException if there is no room
   * @throws IOException if the body ends early
   */
  void append(FlightMessage.Incoming message) throws IOException {
    ArrowMessages.Head head = ArrowMessages.readHead(message.header());
    FlightBody body = message.body();
    boolean stored = switch (head.kind()) {
      case DICTIONARY, BATCH -> true;
      case SCHEMA, OTHER -> false;
    };
    if (!stored || head.bodyLength() != body.length()) {
      throw new FormatException("a message of the kind " + head.kind() + " with "
          + head.bodyLength() + " bytes of body according to its metadata, but " + body.length()
          + " that came; dictionaries and batches follow the schema");
    }
    SharedRegion target = slabWithRoomFor(framed(0, message.header()) + ALIGNMENT + body.length());
    long bodyOffset = writeMetadata(target, message.header());
    body.copyTo(target.region().segment().asSlice(bodyOffset, body.length()));
    used = bodyOffset + body.length();
    messages.add(new StoredTable.Message(
        message.header(), message.metadata(), target, bodyOffset, body.length()));
    rowCount += head.rowCount();
    byteCount += body.length();
    hasDictionaries |= head.kind() == ArrowMessages.Kind.DICTIONARY;
  }

  private SharedRegion slabWithRoomFor(long bytes) {
    SharedRegion present = slab;
    if (present == null || bytes > present.byteSize() - used - PREFIX_BYTES) {
      endSlab();
      long least = framed(0, schema) + bytes + PREFIX_BYTES;
      long next = present == null ? least : Math.min(MOST_SLAB_BYTES, 2 * present.byteSize());
      present = pool.take(Math.max(least, next));
      slabs.add(present);
      slab = present;
      used = 0;
      used = writeMetadata(present, schema);
    }
    return present;
  }

  private void endSlab() {
    SharedRegion present = slab;
    if (present != null) {
      MemorySegment memory = present.region().segment();
      memory.set(INT, used, CONTINUATION);
      memory.set(INT, used + Integer.BYTES, 0);
      pieces.add(new StoredTable.Piece(present, used + PREFIX_BYTES));
      slab = null;
    }
  }

  /** Where a message's body begins, if the message does at {@code begin}. */
  private static long framed(long begin, byte[] metadata) {
    return Math.ceilDiv(begin + PREFIX_BYTES + metadata.length, (long) ALIGNMENT) * ALIGNMENT;
  }

  private long writeMetadata(SharedRegion target, byte[] metadata) {
    MemorySegment memory = target.region().segment();
    long end = framed(used, metadata);
    memory.set(INT, used, CONTINUATION);
    memory.set(INT, used + Integer.BYTES, (int) (end - used - PREFIX_BYTES));
    memory.asSlice(used + PREFIX_BYTES, end - used - PREFIX_BYTES).fill((byte) 0);
    MemorySegment.copy(
        metadata, 0, memory, ValueLayout.JAVA_BYTE, used + PREFIX_BYTES, metadata.length);
    return end;
  }

  /** The only slab so far, as a stream of all that came; still this upload's. */
  StoredTable.Piece peek() {
    endSlab();
    return pieces.getLast();
  }

  /** Ends the table, which owns the slabs from now on. */
  StoredTable finish() {
    endSlab();
    slabs.clear();
    return new StoredTable(schema, List.copyOf(messages), List.copyOf(pieces), rowCount, byteCount,
        hasDictionaries);
  }

  /** Gives the slabs of an unfinished table back. */
  @Override
  public void close() {
    slabs.forEach(pool::giveBack);
    slabs.clear();
  }
}
