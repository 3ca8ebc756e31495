package io.tensorbridge.batch;

import java.util.Map;
import java.util.TreeMap;

/** The free ranges of a region, neighbours joined; not thread-safe. */
final class FreeList {
  private final TreeMap<Long, Long> lengthByOffset = new TreeMap<>();
  private final long byteSize;

  FreeList(long byteSize) {
    this.byteSize = byteSize;
    lengthByOffset.put(0L, byteSize);
  }

  /**
   * Takes the first range that is long enough.
   *
   * @return its offset, or -1 if there is none
   */
  long take(long byteLength) {
    for (Map.Entry<Long, Long> range : lengthByOffset.entrySet()) {
      long offset = range.getKey();
      long length = range.getValue();
      if (length >= byteLength) {
        lengthByOffset.remove(offset);
        if (length > byteLength) {
          lengthByOffset.put(offset + byteLength, length - byteLength);
        }
        return offset;
      }
    }
    return -1;
  }

  /** Gives back a range that was taken. */
  void give(long byteOffset, long byteLength) {
    long begin = byteOffset;
    long end = byteOffset + byteLength;
    Map.Entry<Long, Long> before = lengthByOffset.lowerEntry(begin);
    if (before != null && before.getKey() + before.getValue() == begin) {
      begin = before.getKey();
    }
    Long after = lengthByOffset.remove(end);
    if (after != null) {
      end += after;
    }
    lengthByOffset.put(begin, end - begin);
  }

  boolean isWhole() {
    Long first = lengthByOffset.get(0L);
    return first != null && first == byteSize;
  }

  long freeBytes() {
    long sum = 0;
    for (long length : lengthByOffset.values()) {
      sum += length;
    }
    return sum;
  }
}
