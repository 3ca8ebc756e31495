package io.tensorbridge.shm;

import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.Region;
import io.tensorbridge.shm.internal.posix.MemoryCalls;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Maps descriptors as regions and counts the mapped bytes.
 *
 * <p>The segments are of the global scope and unmapped by the region, not by an arena: closing a
 * shared arena costs a handshake with every thread of the JVM (55 us and more), and it would add
 * nothing, because the region's leases already say when the last use is over.
 */
final class Mapping {
  private static final AtomicLong MAPPED = new AtomicLong();

  private Mapping() {}

  /**
   * Maps a whole file.
   *
   * @return the region, or the refusal if the descriptor or a seal does not allow the mapping
   */
  static MapResult map(
      String name, int fd, long byteSize, Access access, boolean writable, Backing backing) {
    long address = MemoryCalls.mmap(fd, byteSize, writable);
    if (address < 0) {
      return new MapResult.Refused((int) -address);
    }
    MemorySegment mapping = MemoryCalls.segmentOf(address, byteSize);
    MAPPED.addAndGet(byteSize);
    MemorySegment view = writable ? mapping : mapping.asReadOnly();
    return new MapResult.Mapped(new Region(name, view, access, backing, () -> unmap(mapping)));
  }

  private static void unmap(MemorySegment mapping) {
    MemoryCalls.munmap(mapping);
    MAPPED.addAndGet(-mapping.byteSize());
  }

  static long mappedBytes() {
    return MAPPED.get();
  }
}
