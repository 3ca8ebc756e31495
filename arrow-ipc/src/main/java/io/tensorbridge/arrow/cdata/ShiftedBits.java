package io.tensorbridge.arrow.cdata;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Bits moved down to the first of a byte. */
final class ShiftedBits {
  private static final ValueLayout.OfLong WORD =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private ShiftedBits() {}

  /**
   * Copies bits.
   *
   * @param bits as many bytes as hold them
   * @param shift where they begin, 1 to 7
   * @param count how many there are
   * @param arena of the copy
   */
  static MemorySegment copy(MemorySegment bits, int shift, long count, Arena arena) {
    long byteSize = (count + Byte.SIZE - 1) / Byte.SIZE;
    MemorySegment copy = arena.allocate(byteSize, Long.BYTES);
    long at = 0;
    for (; at + Long.BYTES < bits.byteSize() && at + Long.BYTES <= byteSize; at += Long.BYTES) {
      long high = (long) bits.get(ValueLayout.JAVA_BYTE, at + Long.BYTES) << (Long.SIZE - shift);
      copy.set(WORD, at, bits.get(WORD, at) >>> shift | high);
    }
    for (; at < byteSize; at++) {
      int low = (bits.get(ValueLayout.JAVA_BYTE, at) & 0xFF) >>> shift;
      int high =
          at + 1 < bits.byteSize()
              ? bits.get(ValueLayout.JAVA_BYTE, at + 1) << (Byte.SIZE - shift)
              : 0;
      copy.set(ValueLayout.JAVA_BYTE, at, (byte) (low | high));
    }
    return copy;
  }
}
