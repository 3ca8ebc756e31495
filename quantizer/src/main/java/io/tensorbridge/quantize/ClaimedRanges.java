package io.tensorbridge.quantize;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The ranges of parts that one chunk claimed, the last one of each part; for one thread. */
final class ClaimedRanges {
  /**
   * A range of a part.
   *
   * @param byteOffset where it begins in the part
   * @param bytes its memory
   */
  record Range(long byteOffset, MemorySegment bytes) {}

  private final List<@Nullable Range> ranges = new ArrayList<>();

  void put(int part, long byteOffset, MemorySegment bytes) {
    while (ranges.size() <= part) {
      ranges.add(null);
    }
    ranges.set(part, new Range(byteOffset, bytes));
  }

  /** The range of a part, or null if the chunk wrote none. */
  @Nullable
  Range get(int part) {
    return part < ranges.size() ? ranges.get(part) : null;
  }

  void clear() {
    ranges.clear();
  }
}
