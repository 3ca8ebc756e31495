package io.tensorbridge.arrow.vector;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.ForeignAllocation;
import org.jspecify.annotations.Nullable;

/**
 * One run of ones, which is the validity of every column that has none; thread-safe.
 *
 * <p>Arrow Java can't do without: where a batch leaves the validity out, its loader allocates and
 * fills one for each column. This one is filled once and only grows.
 */
final class AllValid implements AutoCloseable {
  private static final long LEAST_BYTES = 4096;
  private static final long ALIGNMENT = 64;

  private final BufferAllocator allocator;
  private @Nullable ArrowBuf ones;
  private boolean closed;

  AllValid(BufferAllocator allocator) {
    this.allocator = allocator;
  }

  /**
   * A validity without nulls.
   *
   * @return a buffer that the caller releases
   */
  synchronized ArrowBuf rows(long count) {
    if (closed) {
      throw new IllegalStateException("these vectors are closed");
    }
    long bytes = Math.max(1, Math.ceilDiv(count, (long) Byte.SIZE));
    ArrowBuf present = ones;
    if (present == null || present.capacity() < bytes) {
      present = grown(bytes);
    }
    ArrowBuf slice = present.slice(0, bytes);
    slice.getReferenceManager().retain();
    return slice;
  }

  private ArrowBuf grown(long bytes) {
    Arena arena = Arena.ofShared();
    MemorySegment memory =
        arena.allocate(Math.max(LEAST_BYTES, Long.highestOneBit(bytes) << 1), ALIGNMENT);
    memory.fill((byte) -1);
    ArrowBuf grown;
    try {
      grown = allocator.wrapForeignAllocation(
          new ForeignAllocation(memory.byteSize(), memory.address()) {
            @Override
            protected void release0() {
              arena.close();
            }
          });
    } catch (RuntimeException | Error failure) {
      if (arena.scope().isAlive()) {
        arena.close();
      }
      throw failure;
    }
    releaseOnes();
    ones = grown;
    return grown;
  }

  private void releaseOnes() {
    if (ones != null) {
      ones.close();
      ones = null;
    }
  }

  /** Refuses further use; the memory goes with the last column. */
  @Override
  public synchronized void close() {
    closed = true;
    releaseOnes();
  }
}
