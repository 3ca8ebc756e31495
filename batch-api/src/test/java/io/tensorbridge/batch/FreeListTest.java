package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ranges that are taken never overlap, and all of it can be had again. */
class FreeListTest {
  private static final int SIZE = 1000;
  private static final int STEPS = 5000;

  private record Range(long offset, long length) {
    boolean overlaps(Range other) {
      return offset < other.offset + other.length && other.offset < offset + length;
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 64, 300, 1000})
  void takenRangesStayApartAndComeBack(int longest) {
    Random random = new Random(longest);
    FreeList free = new FreeList(SIZE);
    List<Range> taken = new ArrayList<>();
    for (int i = 0; i < STEPS; i++) {
      if (random.nextInt(5) < 3) {
        take(free, 1 + random.nextInt(longest), taken);
      } else if (!taken.isEmpty()) {
        Range range = taken.remove(random.nextInt(taken.size()));
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
