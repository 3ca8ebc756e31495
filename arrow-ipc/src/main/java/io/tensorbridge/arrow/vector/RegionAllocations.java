package io.tensorbridge.arrow.vector;

import io.tensorbridge.Lease;
import io.tensorbridge.Region;
import java.util.Map;
import java.util.TreeMap;
import org.apache.arrow.memory.AllocationListener;
import org.apache.arrow.memory.AllocationManager;
import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.OutOfMemoryException;
import org.apache.arrow.memory.ReferenceManager;
import org.apache.arrow.memory.RootAllocator;
import org.jspecify.annotations.Nullable;

/**
 * Lets the vectors of Arrow Java be born in a region, where a peer sees them; thread-safe.
 *
 * <p>Each buffer is a piece of the region at a multiple of 64 bytes and holds a {@link Lease} until
 * its last reference is released; then the piece is used again. The first piece that is large enough
 * is taken. Memory that is used again is not zeroed.
 */
public final class RegionAllocations implements AllocationManager.Factory {
  private static final String HOLDER = "Arrow buffer";
  private static final long ALIGNMENT = 64;

  private final Region region;
  private final ArrowBuf empty;
  /** Where free pieces begin, and their bytes; no two of them touch. */
  private final TreeMap<Long, Long> free = new TreeMap<>();

  /**
   * Allocates in a region that nobody else writes to.
   *
   * @param region still the caller's; closing it waits for the last buffer
   */
  public RegionAllocations(Region region) {
    this.region = region;
    this.empty = new ArrowBuf(ReferenceManager.NO_OP, null, 0, region.segment().address());
    free.put(0L, region.byteSize() / ALIGNMENT * ALIGNMENT);
  }

  /**
   * An allocator of this region, which takes what is asked for and no power of two.
   *
   * @return owned by the caller, who closes it before the region
   */
  public RootAllocator allocator() {
    return new RootAllocator(
        RootAllocator.configBuilder()
            .allocationManagerFactory(this)
            .listener(AllocationListener.NOOP)
            .maxAllocation(region.byteSize())
            .roundingPolicy(RegionAllocations::padded)
            .build());
  }

  /**
   * Where in the region a buffer lies, to be told to a peer.
   *
   * @param buffer one of this factory, or a slice of one
   * @return bytes from the begin of the region
   * @throws IllegalArgumentException if it lies elsewhere
   */
  public long byteOffset(ArrowBuf buffer) {
    long offset = buffer.memoryAddress() - region.segment().address();
    if (offset < 0 || offset > region.byteSize() - buffer.capacity()) {
      throw new IllegalArgumentException("a buffer that was not allocated in " + region);
    }
    return offset;
  }

  /**
   * Takes a piece of the region.
   *
   * @throws OutOfMemoryException if no free piece is as large
   */
  @Override
  public AllocationManager create(BufferAllocator accountingAllocator, long size) {
    Lease lease = region.lease(HOLDER);
    long bytes = padded(Math.max(1, size));
    try {
      return new Piece(accountingAllocator, size, take(bytes), bytes, lease);
    } catch (RuntimeException | Error failure) {
      lease.close();
      throw failure;
    }
  }

  @Override
  public ArrowBuf empty() {
    return empty;
  }

  private static long padded(long bytes) {
    return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
  }

  private synchronized long take(long bytes) {
    Map.Entry<Long, Long> piece = firstOf(bytes);
    if (piece == null) {
      throw new OutOfMemoryException(region + " has no " + bytes
          + " free bytes in one piece; release vectors or create a larger region");
    }
    long offset = piece.getKey();
    long rest = piece.getValue() - bytes;
    free.remove(offset);
    if (rest > 0) {
      free.put(offset + bytes, rest);
    }
    return offset;
  }

  private Map.@Nullable Entry<Long, Long> firstOf(long bytes) {
    for (Map.Entry<Long, Long> piece : free.entrySet()) {
      if (piece.getValue() >= bytes) {
        return piece;
      }
    }
    return null;
  }

  private synchronized void giveBack(long offset, long bytes) {
    long begin = offset;
    long end = offset + bytes;
    Map.Entry<Long, Long> before = free.lowerEntry(offset);
    if (before != null && before.getKey() + before.getValue() == offset) {
      begin = before.getKey();
    }
    Long behind = free.remove(end);
    free.put(begin, (behind == null ? end : end + behind) - begin);
  }

  /** A piece of the region that Arrow counts the references to. */
  private final class Piece extends AllocationManager {
    private final long size;
    private final long offset;
    private final long bytes;
    private final Lease lease;

    Piece(BufferAllocator allocator, long size, long offset, long bytes, Lease lease) {
      super(allocator);
      this.size = size;
      this.offset = offset;
      this.bytes = bytes;
      this.lease = lease;
    }

    @Override
    public long getSize() {
      return size;
    }

    @Override
    protected long memoryAddress() {
      return region.segment().address() + offset;
    }

    @Override
    protected void release0() {
      giveBack(offset, bytes);
      lease.close();
    }
  }
}
