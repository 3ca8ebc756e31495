package io.tensorbridge.benches.estimate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class OrderStatisticsTest {
  @Test
  void walkingOverCountsGivesWhatSortingTheResampleGives() {
    Random random = new Random(7);
    for (int round = 0; round < 2000; round++) {
      int size = 1 + random.nextInt(12);
      int first = random.nextInt(3);
      double[] values = random.doubles(size, 0, 20).map(Math::rint).toArray();
      int[] counts = new int[first + size];
      for (int i = 0; i < size; i++) {
        counts[first + random.nextInt(size)]++;
      }
      double[] resample =
          IntStream.range(0, size)
              .boxed()
              .flatMapToDouble(i -> DoubleStream.generate(() -> values[i]).limit(counts[first + i]))
              .toArray();
      OrderStatistics ordered = new OrderStatistics(values, first);
      double median = Estimator.median(resample);
      assertThat(ordered.median(counts)).isEqualTo(median);
      assertThat(ordered.deviation(counts, median) * Estimator.MAD_TO_STD_DEV)
          .isEqualTo(Estimator.deviation(resample));
    }
  }
}
