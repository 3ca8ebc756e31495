package io.tensorbridge.shm.npy;

import static io.tensorbridge.shm.npy.ZipLayout.u16;
import static io.tensorbridge.shm.npy.ZipLayout.u32;
import static io.tensorbridge.shm.npy.ZipLayout.u64;

import io.tensorbridge.shm.file.ByteSource;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A member as the archive's directory describes it.
 *
 * @param name its name
 * @param rawName its name in bytes
 * @param method 0 stored, 8 deflated
 * @param crc32 checksum of the decompressed bytes
 * @param storedSize its size in the archive
 * @param byteSize its size after decompression
 * @param localOffset where its local header stands
 * @param at where this description stands
 * @param length of this description
 */
@SuppressWarnings("ArrayRecordComponent") // made once, never compared
record ZipCentralHeader(
    String name,
    byte[] rawName,
    int method,
    int crc32,
    long storedSize,
    long byteSize,
    long localOffset,
    long at,
    long length) {

  static ZipCentralHeader read(
      ByteSource archive, long directoryOffset, MemorySegment directory, long at) {
    long fileAt = directoryOffset + at;
    long left = directory.byteSize() - at;
    if (left < ZipLayout.CENTRAL_BYTES
        || ZipLayout.signature(directory, at) != ZipLayout.CENTRAL_SIGNATURE) {
      throw archive.broken(fileAt, "a member's description stands here", "something else");
    }
    int nameLength = u16(directory, at + 28);
    int extraLength = u16(directory, at + 30);
    long length =
        (long) ZipLayout.CENTRAL_BYTES + nameLength + extraLength + u16(directory, at + 32);
    if (length > left) {
      throw archive.broken(fileAt, "the directory holds whole descriptions", "it ends before");
    }
    byte[] rawName =
        directory
            .asSlice(at + ZipLayout.CENTRAL_BYTES, nameLength)
            .toArray(ValueLayout.JAVA_BYTE);
    MemorySegment extra =
        directory.asSlice(at + ZipLayout.CENTRAL_BYTES + nameLength, extraLength);
    return of(archive, fileAt, directory.asSlice(at, length), rawName, extra);
  }

  private static ZipCentralHeader of(
      ByteSource archive, long fileAt, MemorySegment header, byte[] rawName, MemorySegment extra) {
    int flags = u16(header, 8);
    int method = u16(header, 10);
    Charset charset =
        (flags & ZipLayout.FLAG_UTF8) != 0 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1;
    String name = new String(rawName, charset);
    if ((flags & ZipLayout.FLAG_ENCRYPTED) != 0) {
      throw archive.broken(fileAt, "members are not encrypted", name + " is");
    }
    if (method != ZipLayout.STORED && method != ZipLayout.DEFLATED) {
      throw archive.broken(
          fileAt,
          "members are stored or deflated, as np.savez and np.savez_compressed write them",
          name + " has the method " + method);
    }
    Zip64Values values = new Zip64Values(archive, fileAt, extra);
    long byteSize = values.resolve(u32(header, 24));
    long storedSize = values.resolve(u32(header, 20));
    long localOffset = values.resolve(u32(header, 42));
    return new ZipCentralHeader(
        name,
        rawName,
        method,
        (int) u32(header, 16),
        storedSize,
        byteSize,
        localOffset,
        fileAt,
        header.byteSize());
  }

  /** The member itself, after comparing with its local header. */
  ZipMember member(ByteSource archive, long directoryOffset) {
    MemorySegment local =
        MemorySegment.ofArray(archive.copy(localOffset, ZipLayout.LOCAL_BYTES));
    int nameLength = u16(local, 26);
    long contentAt = localOffset + ZipLayout.LOCAL_BYTES + nameLength + u16(local, 28);
    boolean same =
        ZipLayout.signature(local, 0) == ZipLayout.LOCAL_SIGNATURE
            && u16(local, 8) == method
            && nameLength == rawName.length
            && contentAt <= directoryOffset - storedSize
            && Arrays.equals(
                archive.copy(localOffset + ZipLayout.LOCAL_BYTES, nameLength), rawName);
    if (!same) {
      throw archive.broken(
          localOffset, "a member begins as the directory describes it", name + " does not");
    }
    boolean compressed = method == ZipLayout.DEFLATED;
    if (!compressed && storedSize != byteSize) {
      throw archive.broken(
          at, "a stored member has one size", name + " has two");
    }
    return new ZipMember(
        name,
        compressed,
        byteSize,
        crc32,
        archive.slice(" (" + name + ")", contentAt, storedSize));
  }

  /** The 64-bit values of a member, taken in order for those that the header has no room for. */
  private static final class Zip64Values {
    private final ByteSource archive;
    private final long fileAt;
    private final MemorySegment values;
    private long taken;

    Zip64Values(ByteSource archive, long fileAt, MemorySegment extra) {
      this.archive = archive;
      this.fileAt = fileAt;
      this.values = find(extra);
    }

    private static MemorySegment find(MemorySegment extra) {
      long at = 0;
      while (at + ZipLayout.EXTRA_HEADER_BYTES <= extra.byteSize()) {
        long length = u16(extra, at + 2);
        long begin = at + ZipLayout.EXTRA_HEADER_BYTES;
        if (u16(extra, at) == ZipLayout.ZIP64_EXTRA && length <= extra.byteSize() - begin) {
          return extra.asSlice(begin, length);
        }
        at = begin + length;
      }
      return extra.asSlice(0, 0);
    }

    long resolve(long value) {
      if (value != ZipLayout.ELSEWHERE_32) {
        return value;
      }
      if (taken + Long.BYTES > values.byteSize()) {
        throw archive.broken(
            fileAt, "a size of 4 GiB or more stands in a zip64 field", "there is none");
      }
      long resolved = u64(values, taken);
      taken += Long.BYTES;
      if (resolved < 0) {
        throw archive.broken(fileAt, "sizes are below 2^63", Long.toUnsignedString(resolved));
      }
      return resolved;
    }
  }
}
