package io.tensorbridge.benches.compare;

import io.tensorbridge.benches.estimate.Estimator;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.DoubleStream;
import org.hipparchus.distribution.continuous.TDistribution;
import org.hipparchus.stat.StatUtils;

/**
 * A moderated t test (Smyth 2004) of the logarithms of the launches' medians.
 *
 * <p>Launches are what repeats independently, and there are two or three of them: too few to say from
 * these alone how much launches differ, and a permutation of three and three can't be rarer than 1 in
 * 10. So their variance is averaged with one that is known beforehand, that of launches on ordinary
 * machines, as if that had been seen in some more launches. This also gives an answer to a single
 * launch. Launches that happen to agree better than the medians are known don't count as that sure.
 */
final class ModeratedT {
  /** Standard deviation of launches, relative, and what number of degrees of freedom it weighs. */
  private static final double PRIOR_DEVIATION = 0.02;

  private static final double PRIOR_FREEDOM = 4;

  /** The standard error of a normal distribution's median, in standard deviations / sqrt(n). */
  private static final double MEDIAN_ERROR = Math.sqrt(Math.PI / 2);

  private ModeratedT() {}

  /**
   * How likely a difference at least as large is where nothing changed.
   *
   * @param before averages of the samples, more than 0
   * @param launchesBefore the launch of each
   * @param after averages of the samples, more than 0
   * @param launchesAfter the launch of each
   * @return the two-sided p value
   */
  static double pValue(
      double[] before, int[] launchesBefore, double[] after, int[] launchesAfter) {
    List<double[]> base = byLaunch(before, launchesBefore);
    List<double[]> fresh = byLaunch(after, launchesAfter);
    double[] logsBefore = logsOfMedians(base);
    double[] logsAfter = logsOfMedians(fresh);
    double freedom = PRIOR_FREEDOM + logsBefore.length + logsAfter.length - 2;
    double between =
        (PRIOR_FREEDOM * PRIOR_DEVIATION * PRIOR_DEVIATION
            + sumOfSquares(logsBefore) + sumOfSquares(logsAfter))
            / freedom;
    double variance = Math.max(between, (withinLaunch(base) + withinLaunch(fresh)) / 2);
    double error = Math.sqrt(variance * (1.0 / logsBefore.length + 1.0 / logsAfter.length));
    double t = (StatUtils.mean(logsAfter) - StatUtils.mean(logsBefore)) / error;
    return 2 * new TDistribution(freedom).cumulativeProbability(-Math.abs(t));
  }

  private static List<double[]> byLaunch(double[] values, int[] launches) {
    TreeMap<Integer, DoubleStream.Builder> parts = new TreeMap<>();
    for (int i = 0; i < values.length; i++) {
      parts.computeIfAbsent(launches[i], launch -> DoubleStream.builder()).add(values[i]);
    }
    return parts.values().stream().map(part -> part.build().toArray()).toList();
  }

  private static double[] logsOfMedians(List<double[]> launches) {
    return launches.stream().mapToDouble(launch -> Math.log(Estimator.median(launch))).toArray();
  }

  private static double sumOfSquares(double[] values) {
    return StatUtils.populationVariance(values) * values.length;
  }

  /** The average squared standard error of a launch's median, relative. */
  private static double withinLaunch(List<double[]> launches) {
    return launches.stream()
        .mapToDouble(
            launch -> {
              double error =
                  MEDIAN_ERROR * Estimator.deviation(launch) / Estimator.median(launch);
              return error * error / launch.length;
            })
        .average()
        .orElse(0);
  }
}
