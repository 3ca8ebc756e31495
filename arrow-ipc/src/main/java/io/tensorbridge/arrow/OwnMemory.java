package io.tensorbridge.arrow;

import io.tensorbridge.Backing;
import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.FormatException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The memory of what can't be read in place, bounded and freed at once; thread-safe.
 *
 * <p>What a file announces is counted before anything is allocated, so that a small file can't take
 * much memory.
 */
final class OwnMemory implements AutoCloseable {
  static final String BOUNDED = "at most so many bytes of memory as the reader may take";

  private static final long ALIGNMENT = 64;

  private final long mostBytes;
  private final Backing sourceBacking;
  private long announced;
  private @Nullable Arena arena;
  private boolean closed;

  /**
   * Memory of a reader.
   *
   * @param mostBytes the limit
   * @param sourceBacking what stands behind what is read in place
   */
  OwnMemory(long mostBytes, Backing sourceBacking) {
    this.mostBytes = mostBytes;
    this.sourceBacking = sourceBacking;
  }

  Backing sourceBacking() {
    return sourceBacking;
  }

  /**
   * Counts bytes that may be allocated later.
   *
   * @param origin what an error names
   * @throws FormatException if all that were announced are too many
   */
  synchronized void announce(long bytes, ColumnBuffer origin) {
    if (bytes > mostBytes - announced) {
      throw origin.broken(0, BOUNDED, "what is compressed or joined needs more than " + mostBytes
          + " bytes; raise ReadOptions.withMostOwnBytes if the file is to be trusted");
    }
    announced += bytes;
  }

  /**
   * Allocates bytes that were announced.
   *
   * @return zeroed, valid until the close
   */
  synchronized MemorySegment allocate(long bytes) {
    if (closed) {
      throw new BridgeClosedException("the Arrow file was closed");
    }
    if (arena == null) {
      arena = Arena.ofShared();
    }
    return arena.allocate(Math.max(bytes, 1), ALIGNMENT).asSlice(0, bytes);
  }

  @Override
  public synchronized void close() {
    closed = true;
    if (arena != null) {
      arena.close();
      arena = null;
    }
  }
}
