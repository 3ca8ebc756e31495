package io.tensorbridge.arrow;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.FormatException;
import io.tensorbridge.Lease;
import io.tensorbridge.Region;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Writes record batches one after another, as a file or a stream; not thread-safe.
 *
 * <p>Buffers are 64-byte aligned, and only as long as the rows need. Dictionaries are written before
 * the first batch that refers to them. One that grows is told by a delta, one that changes otherwise is
 * replaced in a stream, and refused in a file. The columns of earlier batches are compared with later
 * ones, so their dictionaries must stay as they are until the end. The bytes depend on the batches and
 * the options only.
 *
 * <pre>{@code
 * try (ArrowWriter writer = ArrowWriter.toPath(path, file.schema(), WriteOptions.file())) {
 *   file.batches().forEach(writer::write);
 *   writer.finish();
 * }
 * }</pre>
 */
public final class ArrowWriter implements AutoCloseable {
  private final ArrowSink sink;
  private final ArrowSchema schema;
  private final WriteOptions options;
  private final List<MessageBytes.Place> dictionaries = new ArrayList<>();
  private final List<MessageBytes.Place> batches = new ArrayList<>();
  private final WrittenDictionaries written;
  private long end;
  private boolean finished;

  private ArrowWriter(ArrowSink sink, ArrowSchema schema, WriteOptions options) {
    this.sink = sink;
    this.schema = schema;
    this.options = options;
    this.written = new WrittenDictionaries(options);
    try {
      if (!options.streaming()) {
        put(0, MemorySegment.ofArray(ArrowFile.MAGIC));
        end = FileFraming.HEAD_BYTES;
      }
      put(end, MemorySegment.ofArray(MessageBytes.schema(schema, end)));
    } catch (RuntimeException | Error failure) {
      sink.close();
      throw failure;
    }
  }

  /**
   * Begins a file that appears under its name whole or not at all.
   *
   * @param target where it shall appear; an older one is replaced
   * @param schema the columns
   * @param options how it is written
   * @return the writer, owned by the caller
   * @throws FormatException if the disk refuses it
   */
  public static ArrowWriter toPath(Path target, ArrowSchema schema, WriteOptions options) {
    return new ArrowWriter(ArrowSink.file(target), schema, options);
  }

  /**
   * Writes into a channel, which stays open.
   *
   * @param channel blocking
   * @param schema the columns
   * @param options how it is written
   * @return the writer, owned by the caller
   * @throws FormatException if the channel refuses it
   */
  public static ArrowWriter toChannel(
      WritableByteChannel channel, ArrowSchema schema, WriteOptions options) {
    return new ArrowWriter(ArrowSink.channel(channel), schema, options);
  }

  /**
   * Writes into memory. Its first bytes are written last: until {@link #finish} a reader finds
   * nothing there.
   *
   * @param target with room for everything, see {@link #byteLength}
   * @param schema the columns
   * @param options how it is written
   * @return the writer, owned by the caller
   * @throws io.tensorbridge.ResourceException if the memory is too small, here or later
   */
  public static ArrowWriter toMemory(
      MemorySegment target, ArrowSchema schema, WriteOptions options) {
    return new ArrowWriter(ArrowSink.memory(target, () -> {}), schema, options);
  }

  /**
   * Writes into a region, as {@link #toMemory} does.
   *
   * @param region that can be written here; leased until the end
   * @param byteOffset where the file begins
   * @param schema the columns
   * @param options how it is written
   * @return the writer, owned by the caller
   * @throws io.tensorbridge.ResourceException if the region is too small, here or later
   */
  public static ArrowWriter toRegion(
      Region region, long byteOffset, ArrowSchema schema, WriteOptions options) {
    Lease lease = region.lease("an Arrow writer");
    MemorySegment target;
    try {
      target = region.segment().asSlice(byteOffset);
    } catch (RuntimeException outside) {
      lease.close();
      throw outside;
    }
    return new ArrowWriter(ArrowSink.memory(target, lease::close), schema, options);
  }

  /**
   * How long a file or stream becomes. Without compression this takes no longer than for metadata.
   *
   * @param schema the columns
   * @param rows all batches
   * @param options how it is written
   * @return bytes
   */
  public static long byteLength(ArrowSchema schema, List<ArrowBatch> rows, WriteOptions options) {
    try (ArrowWriter writer = new ArrowWriter(ArrowSink.nowhere(), schema, options)) {
      rows.forEach(writer::write);
      return writer.finish();
    }
  }

  private void put(long at, MemorySegment bytes) {
    sink.write(at, bytes);
    end = at + bytes.byteSize();
  }

  /**
   * Writes rows, and the dictionaries that they need first.
   *
   * @param batch of this schema
   * @throws FormatException if the target refuses it, a file would need a second dictionary, or two
   *     columns have different ones with one id
   * @throws IllegalArgumentException if the columns are of other types
   * @throws BridgeClosedException if it was finished
   */
  public void write(ArrowBatch batch) {
    requireOpen();
    requireSchema(batch);
    try (Arena arena = Arena.ofConfined()) {
      Compressor compressor =
          options.compression()
              .map(codec -> Compressor.of(codec, arena))
              .orElse(Compressor.NONE);
      written.beginBatch();
      for (ArrowColumn column : batch.columns()) {
        writeDictionaries(column, false, compressor, arena);
      }
      BatchPlan plan = new BatchPlan(batch.rowCount(), batch.metadata(), compressor);
      batch.columns().forEach(column -> ColumnPlan.add(plan, column));
      batches.add(message(plan, plan.metadata()));
    }
  }

  private void requireOpen() {
    if (finished) {
      throw new BridgeClosedException("the Arrow file was finished or given up");
    }
  }

  private void requireSchema(ArrowBatch batch) {
    boolean same = batch.columns().size() == schema.fields().size();
    for (int i = 0; same && i < batch.columns().size(); i++) {
      ArrowColumn column = batch.columns().get(i);
      same = column.field().typeText().equals(schema.fields().get(i).typeText())
          && column.length() == batch.rowCount();
    }
    if (!same) {
      throw new IllegalArgumentException("the schema is " + schema + ", the batch of "
          + batch.rowCount() + " rows has " + batch.columns());
    }
  }

  /** Those that a dictionary refers to stand before it. */
  private void writeDictionaries(
      ArrowColumn column, boolean around, Compressor compressor, Arena arena) {
    column.children().forEach(child -> writeDictionaries(child, around, compressor, arena));
    if (column.dictionary().isEmpty()) {
      return;
    }
    ArrowColumn values = column.dictionary().get();
    writeDictionaries(values, true, compressor, arena);
    WrittenDictionaries.Part part = written.next(column.field(), values, around).orElse(null);
    if (part != null) {
      ArrowColumn rows = part.delta() ? ColumnTail.of(values, part.from(), arena) : values;
      BatchPlan plan = new BatchPlan(rows.length(), Map.of(), compressor);
      ColumnPlan.add(plan, rows);
      long id = column.field().dictionary().orElseThrow().id();
      dictionaries.add(message(plan, plan.dictionaryMetadata(id, part.delta())));
    }
  }

  private MessageBytes.Place message(BatchPlan plan, byte[] metadata) {
    long at = end;
    byte[] framed = MessageBytes.framed(metadata, at);
    MessageBytes.Place place = new MessageBytes.Place(at, framed.length, plan.bodyLength());
    put(at, MemorySegment.ofArray(framed));
    for (BatchPlan.Piece piece : plan.pieces()) {
      MemorySegment content = piece.content();
      if (content != null && content.byteSize() > 0) {
        put(place.bodyOffset() + piece.offset(), content);
      }
    }
    end = place.end();
    return place;
  }

  /**
   * Writes what stands behind all rows, and lets readers see the whole.
   *
   * @return the bytes of all
   * @throws FormatException if the target refuses it
   * @throws BridgeClosedException if it was finished before
   */
  public long finish() {
    requireOpen();
    byte[] last = options.streaming()
        ? MessageBytes.endOfStream()
        : MessageBytes.end(schema, dictionaries, batches, options.footerMetadata());
    put(end, MemorySegment.ofArray(last));
    finished = true;
    sink.publish(end);
    return end;
  }

  /** Gives up what is not finished: of a path and of memory, nothing is left to be read. */
  @Override
  public void close() {
    finished = true;
    sink.close();
  }
}
