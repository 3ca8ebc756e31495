package io.tensorbridge.arrow;

import io.tensorbridge.Backing;
import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.ByteSource;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A buffer of a column, and where it came from, so that errors name the place; thread-safe.
 *
 * <p>A compressed one is decompressed when its bytes are first asked for.
 */
final class ColumnBuffer {
  /** What stands in errors where there is no file. */
  static final String IN_MEMORY = "a column in memory";

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final ByteSource origin;
  private final long offset;
  private final long storedBytes;
  private final long size;
  private final Backing backing;
  private final @Nullable CompressedBuffer compressed;
  private volatile @Nullable MemorySegment bytes;

  private ColumnBuffer(
      ByteSource origin,
      long offset,
      long storedBytes,
      long size,
      Backing backing,
      @Nullable CompressedBuffer compressed,
      @Nullable MemorySegment bytes) {
    this.origin = origin;
    this.offset = offset;
    this.storedBytes = storedBytes;
    this.size = size;
    this.backing = backing;
    this.compressed = compressed;
    this.bytes = bytes;
  }

  /** A part of the body of a message. */
  static ColumnBuffer inPlace(ByteSource body, long offset, long length, Backing backing) {
    return new ColumnBuffer(
        body, offset, length, length, backing, null, body.bytes().asSlice(offset, length));
  }

  /** A part of the body of a message that is still to be decompressed. */
  static ColumnBuffer compressed(ByteSource body, long offset, CompressedBuffer compressed) {
    return new ColumnBuffer(body, offset,
        ArrowCompression.PREFIX_BYTES + compressed.stored().byteSize(), compressed.byteLength(),
        Backing.PRIVATE, compressed, null);
  }

  /** A buffer that comes from no file. */
  static ColumnBuffer inMemory(MemorySegment bytes) {
    return inPlace(new ByteSource(IN_MEMORY, 0, bytes), 0, bytes.byteSize(), Backing.PRIVATE);
  }

  long size() {
    return size;
  }

  /** What stands behind the bytes. */
  Backing backing() {
    return backing;
  }

  /** The bytes in the file. */
  long storedBytes() {
    return storedBytes;
  }

  Optional<ArrowCompression> compression() {
    return Optional.ofNullable(compressed).map(CompressedBuffer::compression);
  }

  /**
   * What it holds.
   *
   * @throws FormatException if it can't be decompressed
   */
  MemorySegment bytes() {
    MemorySegment found = bytes;
    return found == null ? decompress() : found;
  }

  private synchronized MemorySegment decompress() {
    MemorySegment found = bytes;
    if (found == null && compressed != null) {
      try {
        found = compressed.decompress();
      } catch (MalformedBodyException malformed) {
        throw origin.broken(offset, CompressedBuffer.DECOMPRESSED,
            malformed.getMessage() + " where " + size + " are announced");
      }
      bytes = found;
    }
    if (found == null) {
      throw new IllegalStateException("a buffer without bytes");
    }
    return found;
  }

  /** A bit, the lowest of a byte first. */
  boolean bitAt(long index) {
    return (bytes().get(ValueLayout.JAVA_BYTE, index >> 3) >> (index & 7) & 1) != 0;
  }

  byte byteAt(long offsetInBytes) {
    return bytes().get(ValueLayout.JAVA_BYTE, offsetInBytes);
  }

  int intAt(long offsetInBytes) {
    return bytes().get(INT, offsetInBytes);
  }

  /** The whole number of an index, with its sign. */
  long integer(long index, long bits) {
    MemorySegment found = bytes();
    return switch ((int) bits) {
      case 8 -> found.get(ValueLayout.JAVA_BYTE, index);
      case 16 -> found.get(SHORT, index * Short.BYTES);
      case 32 -> found.get(INT, index * Integer.BYTES);
      default -> found.get(LONG, index * Long.BYTES);
    };
  }

  /** A part, with the place of the file that it is in or was decompressed from. */
  ByteSource slice(long begin, long byteLength) {
    long place = origin.fileOffset() + offset + (compressed == null ? begin : 0);
    return new ByteSource(origin.file(), place, bytes().asSlice(begin, byteLength));
  }

  /** The failure that a rule is broken at a byte of this buffer. */
  FormatException broken(long at, String rule, String found) {
    return compressed == null
        ? origin.broken(offset + at, rule, found)
        : origin.broken(offset, rule, found + ", byte " + at + " of the decompressed buffer");
  }
}
