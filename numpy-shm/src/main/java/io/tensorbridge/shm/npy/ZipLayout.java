package io.tensorbridge.shm.npy;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The records of a zip archive, from PKWARE's APPNOTE.TXT 6.3.10; little-endian, unaligned.
 *
 * <pre>
 *   local header (30)        central header (46)       end (22)                 zip64 end (56)
 *    0 signature              0 signature               0 signature              0 signature
 *    4 version needed         4 version made by         4 disk                   4 u64 rest of it
 *    6 flags                  6 version needed          6 disk of directory     12 version made by
 *    8 method                 8 flags                   8 members on disk       14 version needed
 *   10 time, date            10 method                 10 members               16 disk
 *   14 crc32                 12 time, date             12 directory size        20 disk of directory
 *   18 stored size           16 crc32                  16 directory offset      24 u64 on disk
 *   22 size                  20 stored size            20 comment length        32 u64 members
 *   26 name length           24 size                                            40 u64 size
 *   28 extra length          28 name length            zip64 locator (20)       48 u64 offset
 *                            30 extra length            0 signature
 *   extra field              32 comment length          4 disk
 *    0 id                    34 disk                    8 u64 offset of zip64 end
 *    2 length of the rest    36 attributes             16 disks
 *                            42 local offset
 * </pre>
 *
 * <p>A u32 of all ones, or a u16 of all ones, stands for a value in the zip64 records.
 */
final class ZipLayout {
  static final int LOCAL_SIGNATURE = 0x04034b50;
  static final int CENTRAL_SIGNATURE = 0x02014b50;
  static final int END_SIGNATURE = 0x06054b50;
  static final int ZIP64_END_SIGNATURE = 0x06064b50;
  static final int ZIP64_LOCATOR_SIGNATURE = 0x07064b50;

  static final int LOCAL_BYTES = 30;
  static final int CENTRAL_BYTES = 46;
  static final int END_BYTES = 22;
  static final int ZIP64_END_BYTES = 56;
  static final int ZIP64_LOCATOR_BYTES = 20;

  static final int STORED = 0;
  static final int DEFLATED = 8;
  static final int FLAG_ENCRYPTED = 1;
  static final int FLAG_UTF8 = 0x800;

  static final int VERSION = 20;
  static final int VERSION_ZIP64 = 45;
  /** January 1st: files with the same arrays have the same bytes. */
  static final int DATE_1980 = 0x21;

  static final long ELSEWHERE_32 = 0xFFFF_FFFFL;
  static final int ELSEWHERE_16 = 0xFFFF;
  static final int ZIP64_EXTRA = 1;
  static final int EXTRA_HEADER_BYTES = 4;

  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private ZipLayout() {}

  static int u16(MemorySegment record, long at) {
    return Short.toUnsignedInt(record.get(U16, at));
  }

  static long u32(MemorySegment record, long at) {
    return Integer.toUnsignedLong(record.get(U32, at));
  }

  static int signature(MemorySegment record, long at) {
    return record.get(U32, at);
  }

  static long u64(MemorySegment record, long at) {
    return record.get(U64, at);
  }

  static void u16(MemorySegment record, long at, int value) {
    record.set(U16, at, (short) value);
  }

  static void u32(MemorySegment record, long at, long value) {
    record.set(U32, at, (int) value);
  }

  static void u64(MemorySegment record, long at, long value) {
    record.set(U64, at, value);
  }
}
