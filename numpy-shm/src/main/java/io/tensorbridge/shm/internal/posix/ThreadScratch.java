package io.tensorbridge.shm.internal.posix;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A few native bytes per thread, so that a warm call allocates nothing.
 *
 * <pre>
 *    0               16              32        40
 *   +-------+-------+---------------+---------+
 *   | errno | -     | timespec      | pollfd  |
 *   +-------+-------+---------------+---------+
 * </pre>
 *
 * <p>The memory is the garbage collector's: it goes with its thread, and since the thread-local
 * value is of a JDK class it keeps no class loader alive. A call fills its part, calls, and reads
 * the part back; nothing outlives the call.
 */
final class ThreadScratch {
  static final long TIMESPEC_OFFSET = 16;
  static final long POLLFD_OFFSET = 32;

  private static final long BYTES = 64;
  private static final ThreadLocal<MemorySegment> SCRATCH =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(BYTES, 16));

  private ThreadScratch() {}

  static MemorySegment current() {
    return SCRATCH.get();
  }
}
