package io.tensorbridge.shm.internal.posix;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * {@code struct statx}, the same on all machines.
 *
 * <pre>
 *    0      4          28     30     40       48       56          136     140     144        152
 *   +------+----------+------+------+--------+--------+-----------+-------+-------+----------+-----
 *   | mask | ...      | mode | ...  | size   | blocks | ... times | major | minor | mount id | ...
 *   +------+----------+------+------+--------+--------+-----------+-------+-------+----------+-----
 * </pre>
 */
final class StatxLayout {
  static final long BYTES = 256;
  /** Type, mode, size and blocks. */
  static final int BASIC_STATS = 0x7ff;
  /** Since Linux 5.8. */
  static final int MOUNT_ID = 0x1000;

  private static final long MASK_OFFSET = 0;
  private static final long MODE_OFFSET = 28;
  private static final long SIZE_OFFSET = 40;
  private static final long BLOCKS_OFFSET = 48;
  private static final long MAJOR_OFFSET = 136;
  private static final long MINOR_OFFSET = 140;
  private static final long MOUNT_ID_OFFSET = 144;
  private static final long BLOCK_BYTES = 512;

  private StatxLayout() {}

  static OpenFile read(MemorySegment statx, int openFlags) {
    boolean hasMountId = (statx.get(ValueLayout.JAVA_INT, MASK_OFFSET) & MOUNT_ID) != 0;
    return new OpenFile(
        openFlags,
        Short.toUnsignedInt(statx.get(ValueLayout.JAVA_SHORT, MODE_OFFSET)),
        statx.get(ValueLayout.JAVA_LONG, SIZE_OFFSET),
        statx.get(ValueLayout.JAVA_LONG, BLOCKS_OFFSET) * BLOCK_BYTES,
        hasMountId ? statx.get(ValueLayout.JAVA_LONG, MOUNT_ID_OFFSET) : OpenFile.NO_MOUNT_ID,
        statx.get(ValueLayout.JAVA_INT, MAJOR_OFFSET),
        statx.get(ValueLayout.JAVA_INT, MINOR_OFFSET));
  }
}
