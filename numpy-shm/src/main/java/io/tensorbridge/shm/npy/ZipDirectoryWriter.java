package io.tensorbridge.shm.npy;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Builds the directory and end of an archive of stored members. */
final class ZipDirectoryWriter {
  private static final int MADE_ON_UNIX = 3 << Byte.SIZE;
  private static final long FILE_MODE = 0100644L << 16;
  private static final int ZIP64_MAX_BYTES = ZipLayout.EXTRA_HEADER_BYTES + 3 * Long.BYTES;

  private final long offset;
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private long count;

  /** The directory will stand at the offset. */
  ZipDirectoryWriter(long offset) {
    this.offset = offset;
  }

  void add(NpzSlot slot, int crc32) {
    MemorySegment extra = zip64Extra(slot);
    MemorySegment header =
        MemorySegment.ofArray(
            new byte[ZipLayout.CENTRAL_BYTES + slot.name().length + (int) extra.byteSize()]);
    long size = orElsewhere(slot.contentLength());
    ZipLayout.u32(header, 0, ZipLayout.CENTRAL_SIGNATURE);
    ZipLayout.u16(header, 4, MADE_ON_UNIX | slot.version());
    ZipLayout.u16(header, 6, slot.version());
    ZipLayout.u16(header, 8, slot.flags());
    ZipLayout.u16(header, 10, ZipLayout.STORED);
    ZipLayout.u16(header, 14, ZipLayout.DATE_1980);
    ZipLayout.u32(header, 16, crc32);
    ZipLayout.u32(header, 20, size);
    ZipLayout.u32(header, 24, size);
    ZipLayout.u16(header, 28, slot.name().length);
    ZipLayout.u16(header, 30, (int) extra.byteSize());
    ZipLayout.u32(header, 38, FILE_MODE);
    ZipLayout.u32(header, 42, orElsewhere(slot.localOffset()));
    MemorySegment name = MemorySegment.ofArray(slot.name());
    MemorySegment.copy(name, 0, header, ZipLayout.CENTRAL_BYTES, name.byteSize());
    MemorySegment.copy(
        extra, 0, header, ZipLayout.CENTRAL_BYTES + name.byteSize(), extra.byteSize());
    append(header);
    count++;
  }

  private static MemorySegment zip64Extra(NpzSlot slot) {
    MemorySegment extra = MemorySegment.ofArray(new byte[ZIP64_MAX_BYTES]);
    long at = ZipLayout.EXTRA_HEADER_BYTES;
    if (slot.isLarge()) {
      ZipLayout.u64(extra, at, slot.contentLength());
      ZipLayout.u64(extra, at + Long.BYTES, slot.contentLength());
      at += 2 * Long.BYTES;
    }
    if (isElsewhere(slot.localOffset())) {
      ZipLayout.u64(extra, at, slot.localOffset());
      at += Long.BYTES;
    }
    if (at == ZipLayout.EXTRA_HEADER_BYTES) {
      return extra.asSlice(0, 0);
    }
    ZipLayout.u16(extra, 0, ZipLayout.ZIP64_EXTRA);
    ZipLayout.u16(extra, 2, (int) at - ZipLayout.EXTRA_HEADER_BYTES);
    return extra.asSlice(0, at);
  }

  /** The directory and the records that end the archive. */
  byte[] finish() {
    long size = bytes.size();
    if (count >= ZipLayout.ELSEWHERE_16 || isElsewhere(size) || isElsewhere(offset)) {
      appendZip64End(size);
    }
    MemorySegment end = MemorySegment.ofArray(new byte[ZipLayout.END_BYTES]);
    int shownCount = (int) Math.min(count, ZipLayout.ELSEWHERE_16);
    ZipLayout.u32(end, 0, ZipLayout.END_SIGNATURE);
    ZipLayout.u16(end, 8, shownCount);
    ZipLayout.u16(end, 10, shownCount);
    ZipLayout.u32(end, 12, orElsewhere(size));
    ZipLayout.u32(end, 16, orElsewhere(offset));
    append(end);
    return bytes.toByteArray();
  }

  private void appendZip64End(long size) {
    MemorySegment end = MemorySegment.ofArray(new byte[ZipLayout.ZIP64_END_BYTES]);
    ZipLayout.u32(end, 0, ZipLayout.ZIP64_END_SIGNATURE);
    ZipLayout.u64(end, 4, ZipLayout.ZIP64_END_BYTES - 12);
    ZipLayout.u16(end, 12, MADE_ON_UNIX | ZipLayout.VERSION_ZIP64);
    ZipLayout.u16(end, 14, ZipLayout.VERSION_ZIP64);
    ZipLayout.u64(end, 24, count);
    ZipLayout.u64(end, 32, count);
    ZipLayout.u64(end, 40, size);
    ZipLayout.u64(end, 48, offset);
    append(end);
    MemorySegment locator = MemorySegment.ofArray(new byte[ZipLayout.ZIP64_LOCATOR_BYTES]);
    ZipLayout.u32(locator, 0, ZipLayout.ZIP64_LOCATOR_SIGNATURE);
    ZipLayout.u64(locator, 8, offset + size);
    ZipLayout.u32(locator, 16, 1);
    append(locator);
  }

  private void append(MemorySegment record) {
    bytes.writeBytes(record.toArray(ValueLayout.JAVA_BYTE));
  }

  private static boolean isElsewhere(long value) {
    return value >= ZipLayout.ELSEWHERE_32;
  }

  private static long orElsewhere(long value) {
    return Math.min(value, ZipLayout.ELSEWHERE_32);
  }
}
