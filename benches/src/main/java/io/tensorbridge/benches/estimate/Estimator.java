package io.tensorbridge.benches.estimate;

import io.tensorbridge.benches.sample.Samples;
import io.tensorbridge.benches.sample.Samples.Figure;
import io.tensorbridge.benches.sample.Samples.Sampling;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.hipparchus.stat.StatUtils;
import org.hipparchus.stat.descriptive.moment.StandardDeviation;
import org.hipparchus.stat.descriptive.rank.Percentile;
import org.hipparchus.stat.descriptive.rank.Percentile.EstimationType;
import org.hipparchus.stat.regression.SimpleRegression;

/**
 * Makes estimates from samples.
 *
 * <p>The intervals of all statistics come from the same resamples. A single sample, and samples that
 * are all alike, have intervals of no width and a deviation of 0.
 */
public final class Estimator {
  /** Makes the median absolute deviation of a normal distribution its standard deviation. */
  static final double MAD_TO_STD_DEV = 1.4826;

  private static final long SEED = 0x74656e736f72L;

  private Estimator() {}

  /**
   * The middle of values; between two middle values their mean.
   *
   * @param values in any order, at least one
   * @return the median
   */
  public static double median(double[] values) {
    return percentile(values, 50);
  }

  /**
   * The median absolute deviation from the median, scaled to equal the standard deviation of a normal
   * distribution.
   *
   * @param values in any order, at least one
   * @return the deviation
   */
  public static double deviation(double[] values) {
    double median = median(values);
    double[] deviations = Arrays.stream(values).map(value -> Math.abs(value - median)).toArray();
    return median(deviations) * MAD_TO_STD_DEV;
  }

  /** A percentile as NumPy interpolates it (Hyndman and Fan 1996, type 7). */
  private static double percentile(double[] values, double percent) {
    return new Percentile().withEstimationType(EstimationType.R_7).evaluate(values, percent);
  }

  /**
   * Estimates a benchmark.
   *
   * @param samples at least one, finite and not negative, as {@link
   *     io.tensorbridge.benches.sample.SamplesFile} lets them pass
   * @return the same for the same samples, always
   */
  public static Estimates estimate(Samples samples) {
    double[] averages = samples.averages();
    boolean sloped = isSloped(samples);
    List<String> names = List.copyOf(samples.figures().keySet());
    List<OrderStatistics> figures = new ArrayList<>();
    for (String name : names) {
      figures.add(new OrderStatistics(figure(samples, name)));
    }
    double[][] distributions =
        new Bootstrap(SEED, Bootstrap.RESAMPLES)
            .distributions(
                averages.length,
                5 + figures.size(),
                Bootstrap.uniform(averages.length),
                statistics(samples, averages, figures));
    Map<String, Estimate> figureMedians = new LinkedHashMap<>();
    for (int i = 0; i < names.size(); i++) {
      String name = names.get(i);
      double median = median(figure(samples, name));
      figureMedians.put(name, Bootstrap.estimate(median, distributions[5 + i]));
    }
    return new Estimates(
        Samples.FORMAT,
        samples.group(),
        samples.contender(),
        Bootstrap.estimate(StatUtils.mean(averages), distributions[0]),
        Bootstrap.estimate(median(averages), distributions[1]),
        Bootstrap.estimate(new StandardDeviation().evaluate(averages), distributions[2]),
        Bootstrap.estimate(deviation(averages), distributions[3]),
        sloped ? Bootstrap.estimate(slope(samples), distributions[4]) : null,
        outliers(averages),
        figureMedians,
        Bootstrap.RESAMPLES);
  }

  private static double[] figure(Samples samples, String name) {
    Figure figure = samples.figures().get(name);
    if (figure == null) {
      throw new IllegalArgumentException(samples.id() + " has no figure " + name);
    }
    return figure.values();
  }

  private static boolean isSloped(Samples samples) {
    return samples.sampling() == Sampling.LINEAR
        && Arrays.stream(samples.iterations()).distinct().count() > 1;
  }

  private static Bootstrap.Statistics statistics(
      Samples samples, double[] averages, List<OrderStatistics> figures) {
    OrderStatistics ordered = new OrderStatistics(averages);
    // Sums of squares of values near their mean don't cancel.
    double mean = StatUtils.mean(averages);
    double[] distances = Arrays.stream(averages).map(value -> value - mean).toArray();
    double[] products = new double[averages.length];
    double[] squares = new double[averages.length];
    for (int i = 0; i < averages.length; i++) {
      double iterations = samples.iterations()[i];
      products[i] = iterations * samples.totals()[i];
      squares[i] = iterations * iterations;
    }
    return (counts, results) -> {
      double sum = 0;
      double sumOfSquares = 0;
      double sumOfProducts = 0;
      double sumOfIterations = 0;
      for (int i = 0; i < counts.length; i++) {
        double weighted = counts[i] * distances[i];
        sum += weighted;
        sumOfSquares += weighted * distances[i];
        sumOfProducts += counts[i] * products[i];
        sumOfIterations += counts[i] * squares[i];
      }
      int n = counts.length;
      double variance = n == 1 ? 0 : Math.max(0, (sumOfSquares - sum * sum / n) / (n - 1));
      double median = ordered.median(counts);
      results[0] = mean + sum / n;
      results[1] = median;
      results[2] = Math.sqrt(variance);
      results[3] = ordered.deviation(counts, median) * MAD_TO_STD_DEV;
      results[4] = sumOfProducts / sumOfIterations;
      for (int i = 0; i < figures.size(); i++) {
        results[5 + i] = figures.get(i).median(counts);
      }
    };
  }

  private static double slope(Samples samples) {
    SimpleRegression throughOrigin = new SimpleRegression(false);
    for (int i = 0; i < samples.totals().length; i++) {
      throughOrigin.addData((double) samples.iterations()[i], samples.totals()[i]);
    }
    return throughOrigin.getSlope();
  }

  private static Outliers outliers(double[] averages) {
    double first = percentile(averages, 25);
    double third = percentile(averages, 75);
    double range = third - first;
    double lowSevere = first - 3 * range;
    double lowMild = first - 1.5 * range;
    double highMild = third + 1.5 * range;
    double highSevere = third + 3 * range;
    int[] counts = new int[4];
    for (double value : averages) {
      if (value < lowMild) {
        counts[value < lowSevere ? 0 : 1]++;
      } else if (value > highMild) {
        counts[value > highSevere ? 3 : 2]++;
      }
    }
    return new Outliers(
        counts[0], counts[1], counts[2], counts[3], lowSevere, lowMild, highMild, highSevere);
  }
}
