package io.tensorbridge.arrow;

import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.ByteSource;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A buffer of a column, and where it came from, so that errors name the place.
 *
 * @param bytes what it holds
 * @param origin the body of a message, or memory
 * @param offset where in the origin it begins, also if it had to be decompressed from there
 * @param inPlace whether the bytes are those of the origin
 */
record ColumnBuffer(MemorySegment bytes, ByteSource origin, long offset, boolean inPlace) {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** A buffer that comes from no file. */
  static ColumnBuffer inMemory(MemorySegment bytes) {
    return new ColumnBuffer(bytes, new ByteSource("a column in memory", 0, bytes), 0, true);
  }

  long size() {
    return bytes.byteSize();
  }

  /** A bit, the lowest of a byte first. */
  boolean bitAt(long index) {
    return (bytes.get(ValueLayout.JAVA_BYTE, index >> 3) >> (index & 7) & 1) != 0;
  }

  byte byteAt(long offsetInBytes) {
    return bytes.get(ValueLayout.JAVA_BYTE, offsetInBytes);
  }

  int intAt(long offsetInBytes) {
    return bytes.get(INT, offsetInBytes);
  }

  /** The whole number of an index, with its sign. */
  long integer(long index, long bits) {
    return switch ((int) bits) {
      case 8 -> bytes.get(ValueLayout.JAVA_BYTE, index);
      case 16 -> bytes.get(SHORT, index * Short.BYTES);
      case 32 -> bytes.get(INT, index * Integer.BYTES);
      default -> bytes.get(LONG, index * Long.BYTES);
    };
  }

  /** A part, with the place of the file that it is in or was decompressed from. */
  ByteSource slice(long begin, long byteLength) {
    long place = origin.fileOffset() + offset + (inPlace ? begin : 0);
    return new ByteSource(origin.file(), place, bytes.asSlice(begin, byteLength));
  }

  /** The failure that a rule is broken at a byte of this buffer. */
  FormatException broken(long at, String rule, String found) {
    return inPlace
        ? origin.broken(offset + at, rule, found)
        : origin.broken(offset, rule, found + ", byte " + at + " of the decompressed buffer");
  }
}
