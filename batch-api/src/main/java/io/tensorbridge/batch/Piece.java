package io.tensorbridge.batch;

import java.lang.foreign.MemorySegment;

/**
 * A range of a pool's region, in use until its last hold is dropped.
 *
 * <p>Who creates it holds it once; a batch in flight holds the pieces that it reads and writes, so
 * that nobody gets them before the server has let go.
 */
final class Piece {
  private final PoolRegion region;
  private final long byteOffset;
  private final long byteLength;

  /** Guarded by the pool's lock. */
  int holds = 1;

  Piece(PoolRegion region, long byteOffset, long byteLength) {
    this.region = region;
    this.byteOffset = byteOffset;
    this.byteLength = byteLength;
  }

  PoolRegion region() {
    return region;
  }

  long byteOffset() {
    return byteOffset;
  }

  long byteLength() {
    return byteLength;
  }

  /** The piece's memory; it fails cleanly once the region has been unmapped. */
  MemorySegment segment() {
    return region.segment().asSlice(byteOffset, byteLength);
  }

  /** Whether memory at an offset of the region belongs to this piece. */
  boolean contains(long offset, long length) {
    return offset >= byteOffset && length <= byteOffset + byteLength - offset;
  }

  /** This piece, or its first bytes, as the wire names it. */
  WireSpan span(long offset, long length) {
    return new WireSpan(region.id(), PoolRegion.GENERATION, byteOffset + offset, length);
  }
}
