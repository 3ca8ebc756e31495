package io.tensorbridge.shm.internal.posix;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * {@code struct msghdr} with one {@code struct iovec}, in one piece of memory.
 *
 * <pre>
 *    0       8        16      24      32        40          48      56      64       72
 *   +-------+--------+-------+-------+---------+-----------+-------+-------+--------+
 *   | name  | length | iov   | count | control | length    | flags | data  | length |
 *   +-------+--------+-------+-------+---------+-----------+-------+-------+--------+
 *    0, 0             at 56   1                                     iovec
 * </pre>
 */
final class MessageLayout {
  static final int MSG_CTRUNC = 0x8;
  static final int MSG_TRUNC = 0x20;

  private static final long BYTES = 72;
  private static final long IOV_OFFSET = 16;
  private static final long IOV_COUNT_OFFSET = 24;
  private static final long CONTROL_OFFSET = 32;
  private static final long CONTROL_LENGTH_OFFSET = 40;
  private static final long FLAGS_OFFSET = 48;
  private static final long DATA_OFFSET = 56;
  private static final long DATA_LENGTH_OFFSET = 64;

  private MessageLayout() {}

  static MemorySegment of(MemorySegment data, Arena arena) {
    MemorySegment message = arena.allocate(BYTES, 8);
    message.set(ValueLayout.JAVA_LONG, IOV_OFFSET, message.address() + DATA_OFFSET);
    message.set(ValueLayout.JAVA_LONG, IOV_COUNT_OFFSET, 1);
    message.set(ValueLayout.JAVA_LONG, DATA_OFFSET, data.address());
    message.set(ValueLayout.JAVA_LONG, DATA_LENGTH_OFFSET, data.byteSize());
    return message;
  }

  static void control(MemorySegment message, MemorySegment control) {
    message.set(ValueLayout.JAVA_LONG, CONTROL_OFFSET, control.address());
    message.set(ValueLayout.JAVA_LONG, CONTROL_LENGTH_OFFSET, control.byteSize());
  }

  static long controlLength(MemorySegment message) {
    return message.get(ValueLayout.JAVA_LONG, CONTROL_LENGTH_OFFSET);
  }

  static int flags(MemorySegment message) {
    return message.get(ValueLayout.JAVA_INT, FLAGS_OFFSET);
  }
}
