package io.tensorbridge.batch.wire;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Plain little-endian access to fields, whatever their alignment. */
final class LittleEndian {
  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private LittleEndian() {}

  static int getByte(MemorySegment segment, long offset) {
    return Byte.toUnsignedInt(segment.get(ValueLayout.JAVA_BYTE, offset));
  }

  static void putByte(MemorySegment segment, long offset, int value) {
    segment.set(ValueLayout.JAVA_BYTE, offset, (byte) value);
  }

  static int getShort(MemorySegment segment, long offset) {
    return Short.toUnsignedInt(segment.get(U16, offset));
  }

  static void putShort(MemorySegment segment, long offset, int value) {
    segment.set(U16, offset, (short) value);
  }

  static int getInt(MemorySegment segment, long offset) {
    return segment.get(U32, offset);
  }

  static long getSize(MemorySegment segment, long offset) {
    return Integer.toUnsignedLong(segment.get(U32, offset));
  }

  static void putInt(MemorySegment segment, long offset, int value) {
    segment.set(U32, offset, value);
  }

  static long getLong(MemorySegment segment, long offset) {
    return segment.get(U64, offset);
  }

  static void putLong(MemorySegment segment, long offset, long value) {
    segment.set(U64, offset, value);
  }

  static long padTo8(long length) {
    return (length + 7) & -8;
  }
}
