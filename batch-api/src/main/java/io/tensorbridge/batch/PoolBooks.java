package io.tensorbridge.batch;

import io.tensorbridge.Access;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Which regions a pool has and what is free in them; guarded by the pool's lock. */
final class PoolBooks {
  private final TreeMap<Long, PoolRegion> byAddress = new TreeMap<>();
  private long mappedBytes;

  void add(PoolRegion region) {
    byAddress.put(region.segment().address(), region);
    mappedBytes += region.byteSize();
  }

  void remove(PoolRegion region) {
    byAddress.remove(region.segment().address());
    mappedBytes -= region.byteSize();
  }

  /** The first free range of a slab that is long enough. */
  @Nullable
  Piece takeFromSlab(long length, Access access) {
    for (PoolRegion region : byAddress.values()) {
      if (region.isSlab() && region.access() == access) {
        Piece piece = region.take(length);
        if (piece != null) {
          return piece;
        }
      }
    }
    return null;
  }

  /** The smallest idle region of its own that is long enough, but not twice too long. */
  @Nullable
  Piece takeIdle(long length, Access access) {
    PoolRegion best = null;
    for (PoolRegion region : byAddress.values()) {
      long size = region.byteSize();
      boolean fits = size >= length && size / 2 <= length;
      if (fits && !region.isSlab() && region.isIdle() && region.access() == access
          && (best == null || size < best.byteSize())) {
        best = region;
      }
    }
    return best == null ? null : best.take(length);
  }

  /** The piece in use in which memory lies. */
  @Nullable
  Piece pieceOf(MemorySegment memory) {
    if (!memory.isNative()) {
      return null;
    }
    Map.Entry<Long, PoolRegion> entry = byAddress.floorEntry(memory.address());
    if (entry == null) {
      return null;
    }
    return entry.getValue().pieceAt(memory.address() - entry.getKey(), memory.byteSize());
  }

  List<PoolRegion> idleRegions() {
    List<PoolRegion> idle = new ArrayList<>();
    byAddress.values().stream().filter(PoolRegion::isIdle).forEach(idle::add);
    return idle;
  }

  long mappedBytes() {
    return mappedBytes;
  }

  /** Bytes of all pieces in use. */
  long usedBytes() {
    long used = 0;
    for (PoolRegion region : byAddress.values()) {
      used += region.byteSize() - region.freeBytes();
    }
    return used;
  }

  /** Bytes of all slabs with an access. */
  long slabBytes(Access access) {
    long slabs = 0;
    for (PoolRegion region : byAddress.values()) {
      slabs += region.isSlab() && region.access() == access ? region.byteSize() : 0;
    }
    return slabs;
  }
}
