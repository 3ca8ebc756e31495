package io.tensorbridge.shm.internal.posix;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * {@code struct epoll_event}, which is packed on x86-64 only.
 *
 * <pre>
 *   x86-64                    aarch64
 *    0        4      12        0        4   8      16
 *   +--------+------+         +--------+---+------+
 *   | events | key  |         | events | - | key  |
 *   +--------+------+         +--------+---+------+
 * </pre>
 */
final class EpollEventLayout {
  static final int EPOLLIN = 0x1;
  static final int EPOLLRDHUP = 0x2000;
  static final int EPOLLET = 1 << 31;
  static final long BYTES = Machine.current() == Machine.X86_64 ? 12 : 16;

  private static final long KEY_OFFSET = BYTES - Long.BYTES;

  private EpollEventLayout() {}

  static void write(MemorySegment event, int events, long key) {
    event.set(ValueLayout.JAVA_INT, 0, events);
    event.set(ValueLayout.JAVA_LONG_UNALIGNED, KEY_OFFSET, key);
  }

  static long key(MemorySegment events, int index) {
    return events.get(ValueLayout.JAVA_LONG_UNALIGNED, index * BYTES + KEY_OFFSET);
  }
}
