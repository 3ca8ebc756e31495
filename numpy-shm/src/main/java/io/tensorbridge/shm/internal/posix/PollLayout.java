package io.tensorbridge.shm.internal.posix;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * {@code struct timespec} and {@code struct pollfd} as {@code ppoll} takes them.
 *
 * <pre>
 *    0         8             16
 *   +---------+-------------+
 *   | seconds | nanoseconds |
 *   +---------+-------------+
 *
 *    0    4        6         8
 *   +----+--------+---------+
 *   | fd | events | revents |
 *   +----+--------+---------+
 * </pre>
 */
final class PollLayout {
  static final short POLLIN = 0x1;
  static final short POLLOUT = 0x4;

  private static final long NANOS_PER_SECOND = 1_000_000_000;
  private static final long NANOS_OFFSET = 8;
  private static final long EVENTS_OFFSET = 4;

  private PollLayout() {}

  static void timespec(MemorySegment memory, long offset, long nanos) {
    memory.set(ValueLayout.JAVA_LONG, offset, nanos / NANOS_PER_SECOND);
    memory.set(ValueLayout.JAVA_LONG, offset + NANOS_OFFSET, nanos % NANOS_PER_SECOND);
  }

  static void pollfd(MemorySegment memory, long offset, int fd, short events) {
    memory.set(ValueLayout.JAVA_INT, offset, fd);
    memory.set(ValueLayout.JAVA_INT, offset + EVENTS_OFFSET, events);
  }
}
