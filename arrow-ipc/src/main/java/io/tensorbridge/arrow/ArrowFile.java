package io.tensorbridge.arrow;

import io.tensorbridge.Backing;
import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.FormatException;
import io.tensorbridge.Lease;
import io.tensorbridge.Region;
import io.tensorbridge.shm.file.ByteSource;
import io.tensorbridge.shm.file.MappedFile;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * An open Arrow IPC file or stream; immutable and thread-safe until it is closed.
 *
 * <p>All columns are slices of the file, which is mapped ({@link io.tensorbridge.Backing#FILE}), of a
 * region, or of memory. Which of the two formats it is, its first bytes tell, not its name. Opening
 * checks all metadata, but reads no value: {@link ArrowColumn#validate} does.
 *
 * <p>Compressed buffers are decompressed when they are first asked for, into memory that is freed when
 * the file is closed; {@link ReadOptions} bound it. Refused, with the remedy, are big-endian data, and
 * what was written before Arrow 0.15.
 */
public final class ArrowFile implements AutoCloseable {
  static final byte[] MAGIC = "ARROW1".getBytes(StandardCharsets.US_ASCII);
  static final String KIND = "an Arrow IPC file or stream";

  private final ByteSource source;
  private final OwnMemory memory;
  private final IpcContent content;
  private final Runnable release;
  private final AtomicBoolean closed = new AtomicBoolean();

  private ArrowFile(ByteSource source, OwnMemory memory, IpcContent content, Runnable release) {
    this.source = source;
    this.memory = memory;
    this.content = content;
    this.release = release;
  }

  /**
   * Opens a file or stream and checks the metadata of all its record batches.
   *
   * @param path the file, which is mapped until the close
   * @return the open file, owned by the caller
   * @throws FormatException with the byte and the rule, if it breaks one, or if it can't be read
   */
  public static ArrowFile open(Path path) {
    return open(path, ReadOptions.defaults());
  }

  /**
   * Opens a file or stream and checks the metadata of all its record batches.
   *
   * @param path the file, which is mapped until the close
   * @param options how it is read
   * @return the open file, owned by the caller
   * @throws FormatException with the byte and the rule, if it breaks one, or if it can't be read
   */
  public static ArrowFile open(Path path, ReadOptions options) {
    MappedFile file = MappedFile.open(path);
    return open(file.source(), Backing.FILE, options, file::close);
  }

  /**
   * Opens a file or stream that fills a region.
   *
   * @param region leased until the close
   * @return the open file, owned by the caller
   * @throws FormatException with the byte and the rule, if it breaks one
   */
  public static ArrowFile open(Region region) {
    return open(region, 0, region.byteSize(), ReadOptions.defaults());
  }

  /**
   * Opens a file or stream in a region.
   *
   * @param region leased until the close
   * @param byteOffset where the file begins
   * @param byteLength its length
   * @param options how it is read
   * @return the open file, owned by the caller
   * @throws FormatException with the byte and the rule, if it breaks one
   * @throws IndexOutOfBoundsException if the region is smaller
   */
  public static ArrowFile open(
      Region region, long byteOffset, long byteLength, ReadOptions options) {
    String name = "region " + region.name();
    Lease lease = region.lease("an open Arrow file");
    MemorySegment bytes;
    try {
      bytes = region.segment().asSlice(byteOffset, byteLength);
    } catch (RuntimeException outside) {
      lease.close();
      throw outside;
    }
    return open(new ByteSource(name, 0, bytes), region.backing(), options, lease::close);
  }

  /**
   * Opens a file or stream in memory.
   *
   * @param bytes all of it; they stay the caller's, who keeps them until the close
   * @return the open file, owned by the caller
   * @throws FormatException with the byte and the rule, if it breaks one
   */
  public static ArrowFile open(MemorySegment bytes) {
    return open(bytes, ReadOptions.defaults());
  }

  /**
   * Opens a file or stream in memory.
   *
   * @param bytes all of it; they stay the caller's, who keeps them until the close
   * @param options how it is read
   * @return the open file, owned by the caller
   * @throws FormatException with the byte and the rule, if it breaks one
   */
  public static ArrowFile open(MemorySegment bytes, ReadOptions options) {
    return open(
        new ByteSource("an Arrow file in memory", 0, bytes), Backing.PRIVATE, options, () -> {});
  }

  private static ArrowFile open(
      ByteSource source, Backing backing, ReadOptions options, Runnable release) {
    OwnMemory memory = new OwnMemory(options.limit(source.size()), backing);
    try {
      IpcContent content = ByteSource.reading(source.file(), () -> read(source, memory));
      return new ArrowFile(source, memory, content, release);
    } catch (RuntimeException | Error failure) {
      memory.close();
      release.run();
      throw failure;
    }
  }

  private static IpcContent read(ByteSource bytes, OwnMemory memory) {
    if (beginsWith(bytes, MAGIC)) {
      return FileFraming.read(bytes, memory);
    }
    if (bytes.size() >= Integer.BYTES
        && IpcMessage.intAt(bytes, 0) == IpcMessage.CONTINUATION) {
      return StreamFraming.read(bytes, memory);
    }
    throw bytes.broken(0, KIND, "it begins neither with ARROW1 (a file) nor with FFFFFFFF (a"
        + " stream); Feather version 1 and what was written before Arrow 0.15 must be written"
        + " again");
  }

  private static boolean beginsWith(ByteSource bytes, byte[] magic) {
    return bytes.size() >= magic.length && Arrays.equals(bytes.copy(0, magic.length), magic);
  }

  /**
   * The columns.
   *
   * @return as the file tells them
   */
  public ArrowSchema schema() {
    return content.schema();
  }

  /**
   * All rows.
   *
   * @return in the order of the file
   */
  public List<ArrowBatch> batches() {
    return content.batches();
  }

  /**
   * Text that stands behind all rows of a file.
   *
   * @return the footer's metadata in their order; empty for a stream
   */
  public Map<String, String> footerMetadata() {
    return content.footerMetadata();
  }

  /**
   * Rows, nulls and bytes.
   *
   * @return as the metadata tell them
   */
  public ArrowStatistics statistics() {
    return ArrowStatistics.of(schema(), batches());
  }

  /**
   * The whole file.
   *
   * @return its bytes, valid until it is closed
   */
  public ByteSource source() {
    return source;
  }

  /**
   * The name of the file.
   *
   * @return the path, the region, or that it is in memory
   */
  public String name() {
    return source.file();
  }

  /**
   * Checks that the file is still open.
   *
   * @throws BridgeClosedException if it was closed
   */
  public void requireOpen() {
    if (closed.get()) {
      throw new BridgeClosedException(name() + " was closed");
    }
  }

  /**
   * Unmaps the file, or ends the lease of the region, and frees what was decompressed; the columns
   * must not be used any more. Closing twice does nothing.
   */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      try {
        memory.close();
      } finally {
        release.run();
      }
    }
  }

  @Override
  public String toString() {
    return name() + " with " + batches().size() + " record batches of " + schema();
  }
}
