package io.tensorbridge.benches.compare;

import io.tensorbridge.benches.estimate.Bootstrap;
import io.tensorbridge.benches.estimate.Estimate;
import io.tensorbridge.benches.estimate.Estimator;
import io.tensorbridge.benches.estimate.LaunchDraw;
import io.tensorbridge.benches.estimate.OrderStatistics;
import io.tensorbridge.benches.sample.Samples;
import java.util.ArrayList;
import java.util.List;

/**
 * Ratios of the medians of contenders of one group. Their samples were taken in turn, so launches are
 * drawn for all of them together.
 */
public final class Ratios {
  /** Fewer than for estimates, since a group has many contenders; ends differ in the third digit. */
  private static final int RESAMPLES = 20_000;

  private static final long SEED = 0x726174696f73L;

  private Ratios() {}

  /**
   * How many times faster (or smaller) than a yardstick each contender of a group is.
   *
   * @param group samples of all contenders
   * @param yardstick the index of one of them
   * @return for each contender the yardstick's median divided by its own; exactly 1 for the yardstick
   */
  public static List<Estimate> against(List<Samples> group, int yardstick) {
    List<double[]> values = group.stream().map(Comparer::resolved).toList();
    List<OrderStatistics> ordered = new ArrayList<>();
    int count = 0;
    for (double[] each : values) {
      ordered.add(new OrderStatistics(each, count));
      count += each.length;
    }
    double[][] ratios =
        new Bootstrap(SEED, RESAMPLES)
            .distributions(
                count,
                group.size(),
                LaunchDraw.inTurn(group.stream().map(Samples::launches).toList()),
                (counts, results) -> {
                  double median = ordered.get(yardstick).median(counts);
                  for (int i = 0; i < results.length; i++) {
                    results[i] = median / ordered.get(i).median(counts);
                  }
                });
    double median = Estimator.median(values.get(yardstick));
    List<Estimate> estimates = new ArrayList<>();
    for (int i = 0; i < values.size(); i++) {
      estimates.add(Bootstrap.estimate(median / Estimator.median(values.get(i)), ratios[i]));
    }
    return estimates;
  }
}
