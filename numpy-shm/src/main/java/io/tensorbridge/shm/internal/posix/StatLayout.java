package io.tensorbridge.shm.internal.posix;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * {@code struct stat}, the part that is the same on x86-64 and aarch64.
 *
 * <pre>
 *    0                                48        56        64        72
 *   +--------------------------------+---------+---------+---------+-----
 *   | device, inode, mode, owner ... | size    | ...     | blocks  | ...
 *   +--------------------------------+---------+---------+---------+-----
 * </pre>
 */
final class StatLayout {
  static final long BYTES = 144;

  private static final long SIZE_OFFSET = 48;
  private static final long BLOCKS_OFFSET = 64;
  private static final long BLOCK_BYTES = 512;

  private StatLayout() {}

  static FileStatus read(MemorySegment stat) {
    return new FileStatus(
        stat.get(ValueLayout.JAVA_LONG, SIZE_OFFSET),
        stat.get(ValueLayout.JAVA_LONG, BLOCKS_OFFSET) * BLOCK_BYTES);
  }
}
