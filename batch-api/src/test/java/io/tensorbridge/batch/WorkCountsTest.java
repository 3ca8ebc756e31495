package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tensorbridge.batch.wire.WorkCounts;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class WorkCountsTest {
  private static WorkCounts times(long... nanos) {
    List<Long> counts = new ArrayList<>(Collections.nCopies(WorkCounts.BUCKETS, 0L));
    for (long each : nanos) {
      counts.set(WorkCounts.bucketOf(each), counts.get(WorkCounts.bucketOf(each)) + 1);
    }
    return new WorkCounts(nanos.length, 0, 0, 0, 0, 0, 0, 0, counts);
  }

  @Test
  void everyTimeLiesInItsBucket() {
    for (long nanos = 1; nanos > 0 && nanos < 1L << 62; nanos += nanos / 3 + 1) {
      int bucket = WorkCounts.bucketOf(nanos);
      assertThat(nanos).isLessThan(WorkCounts.upperNanos(bucket));
      if (bucket > 0) {
        assertThat(nanos).isGreaterThanOrEqualTo(WorkCounts.upperNanos(bucket - 1));
      }
    }
    assertThat(WorkCounts.bucketOf(-1)).isZero();
    assertThat(WorkCounts.bucketOf(Long.MAX_VALUE)).isEqualTo(WorkCounts.BUCKETS - 1);
  }

  @Test
  void quantilesLieWithinTheBucketOfTheTrueOne() {
    WorkCounts work = times(300, 1000, 1000, 1000, 70_000);
    assertThat(work.quantileNanos(0.5)).isBetween(512.0, 1024.0);
    assertThat(work.quantileNanos(1)).isCloseTo(131_072, within(1.0));
    assertThat(WorkCounts.NONE.quantileNanos(0.99)).isZero();
  }

  @Test
  void differencesAndSumsAreInverse() {
    WorkCounts first = times(300, 1000);
    WorkCounts second = times(5);
    assertThat(first.plus(second).minus(second)).isEqualTo(first);
  }
}
