package io.tensorbridge.benches.report;

import io.tensorbridge.benches.estimate.Outliers;
import java.util.Arrays;
import java.util.Optional;
import org.hipparchus.stat.descriptive.moment.StandardDeviation;
import org.hipparchus.stat.descriptive.rank.Percentile;
import org.hipparchus.stat.descriptive.rank.Percentile.EstimationType;

/**
 * How samples are distributed, smoothed: a Gaussian kernel density estimate on an even grid.
 *
 * @param low where the grid begins
 * @param high where it ends
 * @param bandwidth standard deviation of the kernel
 * @param values probability density at each point of the grid, per unit of the samples
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record Density(double low, double high, double bandwidth, double[] values) {
  private static final int POINTS = 160;

  /** The kernel's tails beyond this many bandwidths can't be seen. */
  private static final double REACH = 3;

  /**
   * Smooths samples. Where some lie so far beyond the severe fences that they would squeeze all
   * others into a needle, the grid leaves them out.
   *
   * @param samples in any order
   * @param fences of the same samples
   * @return the estimate, empty if the samples don't differ
   */
  static Optional<Density> of(double[] samples, Outliers fences) {
    double bandwidth = bandwidth(samples);
    if (!(bandwidth > 0)) {
      return Optional.empty();
    }
    double margin = (fences.highSevereFence() - fences.lowSevereFence()) / 2;
    double[] near =
        Arrays.stream(samples)
            .filter(s -> !(s < fences.lowSevereFence() - margin))
            .filter(s -> !(s > fences.highSevereFence() + margin))
            .sorted()
            .toArray();
    double low = near[0] - REACH * bandwidth;
    double high = near[near.length - 1] + REACH * bandwidth;
    double[] values = new double[POINTS];
    for (int i = 0; i < POINTS; i++) {
      values[i] = at(low + (high - low) * i / (POINTS - 1), samples, bandwidth);
    }
    return Optional.of(new Density(low, high, bandwidth, values));
  }

  /**
   * Silverman's rule of thumb, {@code 0.9 min(s, IQR / 1.34) n^(-1/5)} (Density Estimation, 1986,
   * equation 3.31): one-sided noise doesn't blur it as it does the standard deviation alone.
   *
   * @param samples in any order
   * @return standard deviation of the kernel, 0 if the samples don't differ
   */
  static double bandwidth(double[] samples) {
    if (samples.length < 2) {
      return 0;
    }
    Percentile percentile = new Percentile().withEstimationType(EstimationType.R_7);
    double quartiles = percentile.evaluate(samples, 75) - percentile.evaluate(samples, 25);
    double deviation = new StandardDeviation().evaluate(samples);
    double spread = quartiles > 0 ? Math.min(deviation, quartiles / 1.34) : deviation;
    return 0.9 * spread * Math.pow(samples.length, -0.2);
  }

  /**
   * The estimate at one point.
   *
   * @param x a point
   * @param samples in any order
   * @param bandwidth standard deviation of the kernel
   * @return probability density
   */
  static double at(double x, double[] samples, double bandwidth) {
    double sum = 0;
    for (double sample : samples) {
      double z = (x - sample) / bandwidth;
      sum += Math.exp(-z * z / 2);
    }
    return sum / (samples.length * bandwidth * Math.sqrt(2 * Math.PI));
  }

  /**
   * Which samples the grid leaves out.
   *
   * @param samples those of this estimate
   * @return them, ascending
   */
  double[] beyond(double[] samples) {
    return Arrays.stream(samples).filter(s -> s < low || s > high).sorted().toArray();
  }
}
