package io.tensorbridge.batch;

import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.Lease;
import io.tensorbridge.Region;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A region of a {@link RegionPool} and the pieces into which it is cut; guarded by the pool's lock.
 *
 * <p>The segment has an arena of its own, which is closed before the memory is unmapped: a tensor
 * that somebody kept for too long then throws instead of ending the process. Closing costs a
 * handshake with all threads, once for a region and never between batches.
 */
final class PoolRegion {
  /** Ids are never used again, so every region is the first of its id. */
  static final int GENERATION = 1;

  private final int id;
  private final Region region;
  private final Runnable closing;
  private final Lease lease;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment segment;
  private final boolean slab;
  private final FreeList free;
  private final TreeMap<Long, Piece> pieces = new TreeMap<>();

  /**
   * A region that the server knows.
   *
   * @param closing closes the region, and what else belongs to it
   * @param slab whether small pieces share it
   */
  @SuppressWarnings("restricted")
  PoolRegion(int id, Region region, Runnable closing, boolean slab) {
    this.id = id;
    this.region = region;
    this.closing = closing;
    this.slab = slab;
    this.lease = region.lease("region pool of a batch client");
    this.segment = region.segment().reinterpret(arena, null);
    this.free = new FreeList(region.byteSize());
  }

  int id() {
    return id;
  }

  Access access() {
    return region.access();
  }

  long byteSize() {
    return region.byteSize();
  }

  /** Whether it is a file, all of which is one piece. */
  boolean isFile() {
    return region.backing() == Backing.FILE;
  }

  /** Whether it is shared by small pieces, rather than made for one large one. */
  boolean isSlab() {
    return slab;
  }

  MemorySegment segment() {
    return segment;
  }

  boolean isIdle() {
    return pieces.isEmpty();
  }

  long freeBytes() {
    return free.freeBytes();
  }

  @Nullable
  Piece take(long byteLength) {
    long offset = free.take(byteLength);
    if (offset < 0) {
      return null;
    }
    Piece piece = new Piece(this, offset, byteLength);
    pieces.put(offset, piece);
    return piece;
  }

  /** All of a region that has no piece yet. */
  Piece whole() {
    Piece piece = take(byteSize());
    if (piece == null) {
      throw new IllegalStateException("region " + id + " is in use");
    }
    return piece;
  }

  void give(Piece piece) {
    pieces.remove(piece.byteOffset());
    free.give(piece.byteOffset(), piece.byteLength());
  }

  /** The piece in use that holds all of a range of the region. */
  @Nullable
  Piece pieceAt(long offset, long length) {
    Map.Entry<Long, Piece> entry = pieces.floorEntry(offset);
    return entry != null && entry.getValue().contains(offset, length) ? entry.getValue() : null;
  }

  /**
   * Unmaps the memory.
   *
   * @return false if a thread is inside a native call on it: it stays as it was
   */
  boolean close() {
    try {
      arena.close();
    } catch (IllegalStateException inUse) {
      return false;
    }
    lease.close();
    closing.run();
    return true;
  }
}
