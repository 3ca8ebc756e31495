package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** Ranges that are taken never overlap, and all of it can be had again. */
class FreeListTest {
  private static final int SIZE = 1000;

  private record Range(long offset, long length) {
    boolean overlaps(Range other) {
      return offset < other.offset + other.length && other.offset < offset + length;
    }
  }

  /** A positive number takes so many bytes, a negative one gives back one of the ranges taken. */
  @Property
  void takenRangesStayApartAndComeBack(
      @ForAll @Size(max = 200) List<@IntRange(min = -50, max = 300) Integer> steps) {
    FreeList free = new FreeList(SIZE);
    List<Range> taken = new ArrayList<>();
    for (int step : steps) {
      if (step > 0) {
        take(free, step, taken);
      } else if (!taken.isEmpty()) {
        Range range = taken.remove(-step % taken.size());
        free.give(range.offset(), range.length());
      }
      long sum = taken.stream().mapToLong(Range::length).sum();
      assertThat(free.freeBytes()).isEqualTo(SIZE - sum);
    }
    taken.forEach(range -> free.give(range.offset(), range.length()));
    assertThat(free.take(SIZE)).isZero();
  }

  private static void take(FreeList free, long length, List<Range> taken) {
    long offset = free.take(length);
    if (offset < 0) {
      return;
    }
    Range range = new Range(offset, length);
    assertThat(offset + length).isLessThanOrEqualTo(SIZE);
    assertThat(taken).noneMatch(range::overlaps);
    taken.add(range);
  }
}
