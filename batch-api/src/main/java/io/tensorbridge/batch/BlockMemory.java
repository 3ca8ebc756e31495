package io.tensorbridge.batch;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Private memory into which one block after another is copied; not thread-safe.
 *
 * <p>A server has one for all clients: memory of each would be given back only when the heap is
 * collected, which fills so slowly that a server of many short-lived clients seems to leak.
 */
final class BlockMemory {
  static final int ALIGNMENT = 8;

  private MemorySegment buffer = Arena.ofAuto().allocate(1 << 14, ALIGNMENT);

  /** Memory of at least so many bytes, valid until the next call. */
  MemorySegment ofAtLeast(long byteLength) {
    if (buffer.byteSize() < byteLength) {
      buffer = Arena.ofAuto().allocate(Long.highestOneBit(byteLength) * 2, ALIGNMENT);
    }
    return buffer;
  }
}
