package io.tensorbridge.batch;

import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The free ranges of a region, neighbours joined; not thread-safe. */
final class FreeList {
  private final TreeMap<Long, Long> lengthByOffset = new TreeMap<>();

  FreeList(long byteSize) {
    lengthByOffset.put(0L, byteSize);
  }

  /**
   * Takes the first range that is long enough.
   *
   * @return its offset, or -1 if there is none
   */
  long take(long byteLength) {
    Map.Entry<Long, Long> range = firstOf(byteLength);
    if (range == null) {
      return -1;
    }
    long offset = range.getKey();
    long left = range.getValue() - byteLength;
    lengthByOffset.remove(offset);
    if (left > 0) {
      lengthByOffset.put(offset + byteLength, left);
    }
    return offset;
  }

  private Map.@Nullable Entry<Long, Long> firstOf(long byteLength) {
    for (Map.Entry<Long, Long> range : lengthByOffset.entrySet()) {
      if (range.getValue() >= byteLength) {
        return range;
      }
    }
    return null;
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

  long freeBytes() {
    long sum = 0;
    for (long length : lengthByOffset.values()) {
      sum += length;
    }
    return sum;
  }
}
