package io.tensorbridge.benches.estimate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tensorbridge.benches.SamplesBuilder;
import io.tensorbridge.benches.sample.Samples;
import java.util.Random;
import java.util.concurrent.ForkJoinPool;
import org.junit.jupiter.api.Test;

class EstimatorTest {
  @Test
  void pointsAreTheTextbookStatistics() {
    // Mean 20/5, squared distances 9 + 4 + 1 + 0 + 36 over 4, deviations 3 2 1 0 6 from the median 4.
    Estimates estimates =
        Estimator.estimate(SamplesBuilder.of(1, 2, 3, 4, 10).figure("p50", "ns", 5, 1, 9, 7, 3)
            .build());
    assertThat(estimates.mean().point()).isEqualTo(4.0);
    assertThat(estimates.median().point()).isEqualTo(3.0);
    assertThat(estimates.stdDev().point()).isEqualTo(Math.sqrt(50.0 / 4));
    assertThat(estimates.mad().point()).isEqualTo(1.4826);
    assertThat(estimates.figures().get("p50").point()).isEqualTo(5.0);
    assertThat(estimates.slope()).isNull();
  }

  @Test
  void slopeIsLeastSquaresThroughTheOrigin() {
    Samples samples = SamplesBuilder.of(11, 19, 33).iterations(1, 2, 3).build();
    Estimates estimates = Estimator.estimate(samples);
    assertThat(estimates.slope()).isNotNull();
    assertThat(estimates.slope().point()).isCloseTo((11 + 38 + 99) / 14.0, within(1e-12));
    assertThat(estimates.slope().low()).isGreaterThanOrEqualTo(9.5);
    assertThat(estimates.slope().high()).isLessThanOrEqualTo(11);
  }

  @Test
  void intervalOfTheMeanIsThatOfTheNormalDistribution() {
    double[] values = new double[200];
    Random random = new Random(1);
    for (int i = 0; i < values.length; i++) {
      values[i] = 1000 + 10 * random.nextGaussian();
    }
    Estimates estimates = Estimator.estimate(SamplesBuilder.of(values).build());
    double error = estimates.stdDev().point() / Math.sqrt(200);
    assertThat(estimates.mean().standardError()).isCloseTo(error, within(0.01 * error));
    assertThat(estimates.mean().low())
        .isCloseTo(estimates.mean().point() - 1.96 * error, within(0.1 * error));
    assertThat(estimates.mean().high())
        .isCloseTo(estimates.mean().point() + 1.96 * error, within(0.1 * error));
  }

  @Test
  void intervalOfTheMedianIsThatOfOrderStatistics() {
    // Of 3 distinct values the resample's median is the least one with 7/27, the greatest with 7/27.
    Estimates estimates = Estimator.estimate(SamplesBuilder.of(10, 20, 30).build());
    assertThat(estimates.median().low()).isEqualTo(10);
    assertThat(estimates.median().high()).isEqualTo(30);
    assertThat(estimates.median().standardError())
        .isCloseTo(10 * Math.sqrt(14.0 / 27), within(0.05));
  }

  @Test
  void singleSampleHasIntervalsWithoutWidth() {
    Estimates estimates = Estimator.estimate(SamplesBuilder.of(42).build());
    assertThat(estimates.median()).isEqualTo(new Estimate(42, 42, 42, 0));
    assertThat(estimates.mean()).isEqualTo(new Estimate(42, 42, 42, 0));
    assertThat(estimates.stdDev()).isEqualTo(new Estimate(0, 0, 0, 0));
    assertThat(estimates.mad()).isEqualTo(new Estimate(0, 0, 0, 0));
    assertThat(estimates.outliers().count()).isZero();
  }

  @Test
  void constantSamplesDoNotDeviate() {
    Estimates estimates = Estimator.estimate(SamplesBuilder.of(0.1, 0.1, 0.1, 0.1).build());
    assertThat(estimates.median()).isEqualTo(new Estimate(0.1, 0.1, 0.1, 0));
    assertThat(estimates.stdDev()).isEqualTo(new Estimate(0, 0, 0, 0));
    assertThat(estimates.outliers().count()).isZero();
  }

  @Test
  void outliersAreClassifiedByTukeysFences() {
    // Quartiles 20 and 40 (type 7), so fences at -40, -10, 70 and 100.
    double[] values = {-41, -40, 20, 20, 20, 20, 30, 40, 40, 40, 40, 70, 71, 101, 20, 40, 30};
    Outliers outliers = Estimator.estimate(SamplesBuilder.of(values).build()).outliers();
    assertThat(outliers).isEqualTo(new Outliers(1, 1, 1, 1, -40, -10, 70, 100));
  }

  @Test
  void resultDoesNotDependOnTheNumberOfThreads() throws Exception {
    Samples samples = SamplesBuilder.of(3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5).build();
    try (ForkJoinPool one = new ForkJoinPool(1);
        ForkJoinPool many = new ForkJoinPool(4)) {
      Estimates alone = one.submit(() -> Estimator.estimate(samples)).get();
      Estimates together = many.submit(() -> Estimator.estimate(samples)).get();
      assertThat(alone).isEqualTo(together);
    }
  }
}
