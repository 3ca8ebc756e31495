package io.tensorbridge.shm.npy;

import static io.tensorbridge.shm.npy.ZipLayout.u16;
import static io.tensorbridge.shm.npy.ZipLayout.u32;
import static io.tensorbridge.shm.npy.ZipLayout.u64;

import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.ByteSource;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Reads the directory of a zip archive, strictly: one disk, nothing between the directory and the
 * end, no member twice, no two members over the same bytes.
 *
 * <p>{@code java.util.zip} does not tell where a member's bytes lie, so it can't map them.
 */
final class ZipDirectory {
  private static final int MAX_COMMENT = 0xFFFF;

  private final ByteSource archive;
  /** Where the directory begins, and so where the members end. */
  private long offset;
  private long size;
  private long memberCount;

  private ZipDirectory(ByteSource archive) {
    this.archive = archive;
  }

  /** The members, in the directory's order. */
  static List<ZipMember> read(ByteSource archive) {
    ZipDirectory directory = new ZipDirectory(archive);
    directory.locate();
    List<ZipCentralHeader> headers = directory.readHeaders();
    directory.requireApart(headers);
    List<ZipMember> members = new ArrayList<>();
    for (ZipCentralHeader header : headers) {
      members.add(header.member(archive, directory.offset));
    }
    return members;
  }

  private void locate() {
    long end = findEnd();
    MemorySegment record = copy(end, ZipLayout.END_BYTES);
    memberCount = u16(record, 10);
    size = u32(record, 12);
    offset = u32(record, 16);
    boolean oneDisk = u16(record, 4) == 0 && u16(record, 6) == 0 && u16(record, 8) == memberCount;
    if (memberCount == ZipLayout.ELSEWHERE_16
        || size == ZipLayout.ELSEWHERE_32
        || offset == ZipLayout.ELSEWHERE_32) {
      end = locateZip64(end);
    } else if (!oneDisk) {
      throw archive.broken(end, "the archive is one file", "it has several disks");
    }
    if (offset < 0 || size < 0 || size > Integer.MAX_VALUE || offset != end - size) {
      throw archive.broken(
          end,
          "the directory lies right before the archive's end",
          "a directory of " + size + " bytes at " + offset);
    }
  }

  private long findEnd() {
    long last = archive.size() - ZipLayout.END_BYTES;
    int length = (int) Math.min(archive.size(), ZipLayout.END_BYTES + MAX_COMMENT);
    long tailAt = archive.size() - length;
    MemorySegment tail = copy(tailAt, length);
    for (long at = last; at >= tailAt; at--) {
      long inTail = at - tailAt;
      if (ZipLayout.signature(tail, inTail) == ZipLayout.END_SIGNATURE
          && at + ZipLayout.END_BYTES + u16(tail, inTail + 20) == archive.size()) {
        return at;
      }
    }
    throw archive.broken(
        Math.max(0, last), "a zip archive ends with its end record", "there is none");
  }

  /** Takes the true values from the zip64 records, and returns where those begin. */
  private long locateZip64(long end) {
    long locatorAt = end - ZipLayout.ZIP64_LOCATOR_BYTES;
    requireRecord(end, locatorAt, ZipLayout.ZIP64_LOCATOR_BYTES, ZipLayout.ZIP64_LOCATOR_SIGNATURE);
    long recordAt = u64(copy(locatorAt, ZipLayout.ZIP64_LOCATOR_BYTES), 8);
    requireRecord(end, recordAt, ZipLayout.ZIP64_END_BYTES, ZipLayout.ZIP64_END_SIGNATURE);
    MemorySegment record = copy(recordAt, ZipLayout.ZIP64_END_BYTES);
    memberCount = u64(record, 32);
    size = u64(record, 40);
    offset = u64(record, 48);
    if (u32(record, 16) != 0 || u32(record, 20) != 0 || u64(record, 24) != memberCount) {
      throw archive.broken(recordAt, "the archive is one file", "it has several disks");
    }
    return recordAt;
  }

  private void requireRecord(long end, long at, int length, int signature) {
    boolean within = at >= 0 && at <= archive.size() - length;
    if (!within || ZipLayout.signature(copy(at, length), 0) != signature) {
      throw archive.broken(
          Math.max(0, end),
          String.format("the zip64 record %08x stands at %d", signature, at),
          "something else");
    }
  }

  private List<ZipCentralHeader> readHeaders() {
    MemorySegment directory = copy(offset, (int) size);
    List<ZipCentralHeader> headers = new ArrayList<>();
    Set<String> names = new HashSet<>();
    long at = 0;
    for (long i = 0; i < memberCount; i++) {
      ZipCentralHeader header = ZipCentralHeader.read(archive, offset, directory, at);
      if (!names.add(header.name())) {
        throw archive.broken(offset + at, "each member comes once", header.name() + " again");
      }
      headers.add(header);
      at += header.length();
    }
    if (at != size) {
      throw archive.broken(
          offset + at, "the directory holds as many members as the end record says", "more bytes");
    }
    return headers;
  }

  /** Members over the same bytes are how a small archive unpacks to an endless one. */
  private void requireApart(List<ZipCentralHeader> headers) {
    List<ZipCentralHeader> byOffset = new ArrayList<>(headers);
    byOffset.sort(Comparator.comparingLong(ZipCentralHeader::localOffset));
    long end = 0;
    for (ZipCentralHeader header : byOffset) {
      if (header.localOffset() < end) {
        throw overlapping(header);
      }
      end = header.localOffset() + ZipLayout.LOCAL_BYTES + header.storedSize();
      if (end < 0 || end > offset) {
        throw overlapping(header);
      }
    }
  }

  private FormatException overlapping(ZipCentralHeader header) {
    return archive.broken(
        header.at(),
        "members lie one after another before the directory",
        header.name() + " overlaps");
  }

  private MemorySegment copy(long at, int length) {
    return MemorySegment.ofArray(archive.copy(at, length));
  }
}
