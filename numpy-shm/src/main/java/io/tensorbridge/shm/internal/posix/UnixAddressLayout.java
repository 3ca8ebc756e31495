package io.tensorbridge.shm.internal.posix;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * {@code struct sockaddr_un}.
 *
 * <pre>
 *    0         2                                        110
 *   +---------+------------------------------------------+
 *   | AF_UNIX | path, ended by a zero byte               |
 *   +---------+------------------------------------------+
 * </pre>
 */
final class UnixAddressLayout {
  static final short AF_UNIX = 1;
  static final int MAX_PATH_BYTES = 107;

  private static final long PATH_OFFSET = 2;

  private UnixAddressLayout() {}

  /** An address; the path is at most {@link #MAX_PATH_BYTES} long, which the caller checked. */
  static MemorySegment of(byte[] path, Arena arena) {
    MemorySegment address = arena.allocate(PATH_OFFSET + path.length + 1, 8);
    address.set(ValueLayout.JAVA_SHORT, 0, AF_UNIX);
    MemorySegment.copy(path, 0, address, ValueLayout.JAVA_BYTE, PATH_OFFSET, path.length);
    return address;
  }
}
