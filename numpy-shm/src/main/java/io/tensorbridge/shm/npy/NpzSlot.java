package io.tensorbridge.shm.npy;

import io.tensorbridge.TensorType;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/**
 * The place of one array in an archive that is being written.
 *
 * <pre>
 *   localOffset                                         contentOffset           dataOffset
 *   +--------------+------+----------------+-----------+-----------------------+----------
 *   | local header | name | zip64, if large | padding   | .npy head             | elements
 *   +--------------+------+----------------+-----------+-----------------------+----------
 *                          extra fields                 multiple of 64           multiple of 64
 * </pre>
 *
 * @param localOffset where the local header begins
 * @param name the member's name in bytes
 * @param head the array's {@code .npy} head, or the whole content of another member
 * @param dataLength bytes of the elements
 * @param contentOffset where the head begins
 */
@SuppressWarnings("ArrayRecordComponent") // made once, never compared
record NpzSlot(long localOffset, byte[] name, byte[] head, long dataLength, long contentOffset) {
  private static final int ALIGNMENT = 64;
  /** The extra field by which Android's zipalign aligns: the alignment, then zeros. */
  private static final int PADDING_EXTRA = 0xD935;
  private static final int PADDING_MIN_BYTES = ZipLayout.EXTRA_HEADER_BYTES + Short.BYTES;
  private static final int ZIP64_BYTES = ZipLayout.EXTRA_HEADER_BYTES + 2 * Long.BYTES;

  /** The place of an array. */
  static NpzSlot at(long localOffset, String name, TensorType type) {
    return at(localOffset, name + ".npy", NpyHeader.write(type, false), type.byteLength());
  }

  /** The place of a text. */
  static NpzSlot at(long localOffset, NpzText text) {
    return at(localOffset, text.memberName(), text.content(), 0);
  }

  private static NpzSlot at(long localOffset, String name, byte[] head, long dataLength) {
    byte[] rawName = name.getBytes(StandardCharsets.UTF_8);
    long minimum =
        localOffset + ZipLayout.LOCAL_BYTES + rawName.length + PADDING_MIN_BYTES
            + (isLarge(head.length + dataLength) ? ZIP64_BYTES : 0);
    long contentOffset = Math.ceilDiv(minimum, ALIGNMENT) * ALIGNMENT;
    return new NpzSlot(localOffset, rawName, head, dataLength, contentOffset);
  }

  private static boolean isLarge(long length) {
    return length >= ZipLayout.ELSEWHERE_32;
  }

  boolean isLarge() {
    return isLarge(contentLength());
  }

  long contentLength() {
    return head.length + dataLength;
  }

  long dataOffset() {
    return contentOffset + head.length;
  }

  long endOffset() {
    return contentOffset + contentLength();
  }

  byte[] localHeader(int crc32) {
    byte[] bytes = new byte[(int) (contentOffset - localOffset)];
    MemorySegment header = MemorySegment.ofArray(bytes);
    int extraAt = ZipLayout.LOCAL_BYTES + name.length;
    long size = isLarge() ? ZipLayout.ELSEWHERE_32 : contentLength();
    ZipLayout.u32(header, 0, ZipLayout.LOCAL_SIGNATURE);
    ZipLayout.u16(header, 4, version());
    ZipLayout.u16(header, 6, flags());
    ZipLayout.u16(header, 8, ZipLayout.STORED);
    ZipLayout.u16(header, 12, ZipLayout.DATE_1980);
    ZipLayout.u32(header, 14, crc32);
    ZipLayout.u32(header, 18, size);
    ZipLayout.u32(header, 22, size);
    ZipLayout.u16(header, 26, name.length);
    ZipLayout.u16(header, 28, bytes.length - extraAt);
    MemorySegment.copy(
        MemorySegment.ofArray(name), 0, header, ZipLayout.LOCAL_BYTES, name.length);
    writeExtra(header.asSlice(extraAt));
    return bytes;
  }

  private void writeExtra(MemorySegment extra) {
    long paddingAt = 0;
    if (isLarge()) {
      ZipLayout.u16(extra, 0, ZipLayout.ZIP64_EXTRA);
      ZipLayout.u16(extra, 2, 2 * Long.BYTES);
      ZipLayout.u64(extra, 4, contentLength());
      ZipLayout.u64(extra, 12, contentLength());
      paddingAt = ZIP64_BYTES;
    }
    long payload = extra.byteSize() - paddingAt - ZipLayout.EXTRA_HEADER_BYTES;
    ZipLayout.u16(extra, paddingAt, PADDING_EXTRA);
    ZipLayout.u16(extra, paddingAt + 2, (int) payload);
    ZipLayout.u16(extra, paddingAt + 4, ALIGNMENT);
  }

  int version() {
    return isLarge() || isLarge(localOffset) ? ZipLayout.VERSION_ZIP64 : ZipLayout.VERSION;
  }

  int flags() {
    for (byte character : name) {
      if (character < 0) {
        return ZipLayout.FLAG_UTF8;
      }
    }
    return 0;
  }
}
