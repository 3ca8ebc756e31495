package io.tensorbridge.quantize.lora;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.concurrent.ConcurrentLinkedDeque;

/**
 * Native memory for the factors of one weight in work. It is pooled: a server merges thousands of
 * weights a second, and memory that waits for the garbage collector would pile up.
 */
final class FactorMemory implements AutoCloseable {
  /** Above this, memory is not kept: few weights have such factors. */
  private static final long LARGEST_KEPT = 16L << 20;

  private static final long LEAST = 1L << 20;
  private static final int ALIGNMENT = 64;

  private final MemorySegment memory;

  private FactorMemory(MemorySegment memory) {
    this.memory = memory;
  }

  /**
   * Takes memory that nobody uses.
   *
   * @param byteLength as much as will be allocated of it
   * @return to be closed when nobody reads it any more; the collector frees one that is forgotten
   */
  static FactorMemory borrow(long byteLength) {
    FactorMemory free = Free.LIST.poll();
    if (free != null && free.memory.byteSize() >= byteLength) {
      return free;
    }
    long capacity = byteLength > LARGEST_KEPT
        ? byteLength
        : Math.max(LEAST, Long.highestOneBit(2 * byteLength - 1));
    return new FactorMemory(Arena.ofAuto().allocate(capacity, ALIGNMENT));
  }

  /** Gives out the memory from its beginning. */
  SegmentAllocator allocator() {
    return SegmentAllocator.slicingAllocator(memory);
  }

  @Override
  public void close() {
    if (memory.byteSize() <= LARGEST_KEPT) {
      Free.LIST.push(this);
    }
  }

  /** What is not in use: at most as much as there ever were weights in work at once. */
  private static final class Free {
    static final ConcurrentLinkedDeque<FactorMemory> LIST = new ConcurrentLinkedDeque<>();
  }
}
