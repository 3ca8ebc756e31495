package io.tensorbridge.benches.compare;

import io.tensorbridge.benches.compare.Comparison.Verdict;
import io.tensorbridge.benches.estimate.Bootstrap;
import io.tensorbridge.benches.estimate.Estimate;
import io.tensorbridge.benches.estimate.Estimator;
import io.tensorbridge.benches.estimate.LaunchDraw;
import io.tensorbridge.benches.estimate.OrderStatistics;
import io.tensorbridge.benches.sample.Samples;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.hipparchus.stat.StatUtils;

/**
 * Compares a benchmark with an earlier run of it.
 *
 * <p>A change is called one if a {@linkplain ModeratedT t test} of the launches finds it unlikely
 * to be chance, and the whole interval of the relative change of the median lies beyond the noise
 * threshold, where the bootstrap draws launches first. {@code ComparerTest} simulates what this rule
 * flags. An interval over samples alone flags one unchanged benchmark in six where a quarter of the
 * launches meets a busy neighbour; this rule stays below one in twenty with three launches. The price:
 * where launches differ by more than 2%, some slowdowns of 10% are missed. What disturbs a whole run
 * can't be told from a change here; {@link SharedChange} looks at the contenders beside.
 */
public final class Comparer {
  /** Changes up to this are taken for noise unless the user says otherwise. */
  public static final double NOISE_THRESHOLD = 0.05;

  /** Differences that chance makes less often than this count as changes. */
  public static final double SIGNIFICANCE = 0.05;
  private static final long SEED = 0x636f6d70617265L;

  private final double noiseThreshold;
  private final int resamples;

  /**
   * A comparer with as many resamples as estimates have.
   *
   * @param noiseThreshold 0.05 is 5%
   */
  public Comparer(double noiseThreshold) {
    this(noiseThreshold, Bootstrap.RESAMPLES);
  }

  Comparer(double noiseThreshold, int resamples) {
    this.noiseThreshold = noiseThreshold;
    this.resamples = resamples;
  }

  /**
   * Compares.
   *
   * @param baseline the name of the earlier run
   * @param before its samples
   * @param after samples of the same benchmark
   * @return the same for the same samples, always
   * @throws IOException if the two did not measure the same quantity
   */
  public Comparison compare(String baseline, Samples before, Samples after) throws IOException {
    if (before.quantity() != after.quantity()) {
      throw new IOException(
          after.id() + " measures " + after.quantity() + ", the run \"" + baseline
              + "\" measured " + before.quantity() + "; remove that run or compare with another");
    }
    double[] base = resolved(before);
    double[] fresh = resolved(after);
    double[][] changes = changes(before, base, after, fresh);
    Estimate median =
        Bootstrap.estimate(
            Estimator.median(fresh) / Estimator.median(base) - 1, changes[0]);
    Estimate mean =
        Bootstrap.estimate(StatUtils.mean(fresh) / StatUtils.mean(base) - 1, changes[1]);
    double pValue = ModeratedT.pValue(base, before.launches(), fresh, after.launches());
    return new Comparison(
        Samples.FORMAT,
        after.group(),
        after.contender(),
        baseline,
        before.started(),
        median,
        mean,
        pValue,
        noiseThreshold,
        verdict(median, pValue),
        EnvironmentChanges.between(before, after));
  }

  private Verdict verdict(Estimate change, double pValue) {
    if (pValue >= SIGNIFICANCE) {
      return Verdict.NO_CHANGE;
    }
    return change.low() > noiseThreshold
        ? Verdict.REGRESSED
        : change.high() < -noiseThreshold ? Verdict.IMPROVED : Verdict.NO_CHANGE;
  }

  /**
   * Averages, none below what can be told from nothing, so that each has a ratio to another: a
   * picosecond, a page of memory.
   */
  static double[] resolved(Samples samples) {
    double least =
        switch (samples.quantity()) {
          case TIME -> 1e-3;
          case MEMORY -> 4096;
        };
    return Arrays.stream(samples.averages()).map(value -> Math.max(value, least)).toArray();
  }

  private double[][] changes(Samples before, double[] base, Samples after, double[] fresh) {
    OrderStatistics orderedBase = new OrderStatistics(base);
    OrderStatistics orderedFresh = new OrderStatistics(fresh, base.length);
    return new Bootstrap(SEED, resamples)
        .distributions(
            base.length + fresh.length,
            2,
            LaunchDraw.independent(List.of(before.launches(), after.launches())),
            (counts, results) -> {
              results[0] = orderedFresh.median(counts) / orderedBase.median(counts) - 1;
              results[1] = mean(fresh, counts, base.length) / mean(base, counts, 0) - 1;
            });
  }

  private static double mean(double[] values, int[] counts, int first) {
    double sum = 0;
    int total = 0;
    for (int i = 0; i < values.length; i++) {
      sum += counts[first + i] * values[i];
      total += counts[first + i];
    }
    return sum / total;
  }
}
