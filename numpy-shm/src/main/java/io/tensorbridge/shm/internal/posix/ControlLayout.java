package io.tensorbridge.shm.internal.posix;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;

/**
 * {@code struct cmsghdr}: ancillary data of a message; here a list of descriptors.
 *
 * <pre>
 *    0            8            12           16
 *   +------------+------------+------------+------+------+---
 *   | length     | SOL_SOCKET | SCM_RIGHTS | fd 0 | fd 1 | ...
 *   +------------+------------+------------+------+------+---
 *    includes these 16 bytes
 * </pre>
 *
 * <p>The next one begins at the next multiple of 8.
 */
final class ControlLayout {
  private static final int SOL_SOCKET = 1;
  private static final int SCM_RIGHTS = 1;
  private static final long LEVEL_OFFSET = 8;
  private static final long TYPE_OFFSET = 12;
  private static final long HEADER_BYTES = 16;
  private static final long ALIGNMENT = 8;

  private ControlLayout() {}

  static MemorySegment ofDescriptors(int[] fds, Arena arena) {
    MemorySegment control = room(fds.length, arena);
    control.set(ValueLayout.JAVA_LONG, 0, control.byteSize());
    control.set(ValueLayout.JAVA_INT, LEVEL_OFFSET, SOL_SOCKET);
    control.set(ValueLayout.JAVA_INT, TYPE_OFFSET, SCM_RIGHTS);
    MemorySegment.copy(fds, 0, control, ValueLayout.JAVA_INT, HEADER_BYTES, fds.length);
    return control;
  }

  /** Room for exactly so many descriptors: in padded room the kernel would deliver one more. */
  static MemorySegment room(int count, Arena arena) {
    return arena.allocate(HEADER_BYTES + (long) count * Integer.BYTES, ALIGNMENT);
  }

  /** The descriptors that the kernel wrote into the first bytes of a control buffer. */
  static int[] descriptors(MemorySegment control, long controlLength) {
    IntStream found = IntStream.empty();
    for (long at = 0; at + HEADER_BYTES <= controlLength;) {
      long length = control.get(ValueLayout.JAVA_LONG, at);
      if (length < HEADER_BYTES || length > controlLength - at) {
        break;
      }
      if (isRights(control, at)) {
        found = IntStream.concat(found, descriptorsOf(control.asSlice(at, length)));
      }
      at += (length + ALIGNMENT - 1) & -ALIGNMENT;
    }
    return found.toArray();
  }

  private static boolean isRights(MemorySegment control, long at) {
    return control.get(ValueLayout.JAVA_INT, at + LEVEL_OFFSET) == SOL_SOCKET
        && control.get(ValueLayout.JAVA_INT, at + TYPE_OFFSET) == SCM_RIGHTS;
  }

  private static IntStream descriptorsOf(MemorySegment rights) {
    int count = (int) ((rights.byteSize() - HEADER_BYTES) / Integer.BYTES);
    int[] fds = new int[count];
    MemorySegment.copy(rights, ValueLayout.JAVA_INT, HEADER_BYTES, fds, 0, count);
    return IntStream.of(fds);
  }
}
