package io.tensorbridge.benches.estimate;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Values sorted once, so that median and median absolute deviation of any resample of them are found by
 * walking over how often each was drawn.
 */
public final class OrderStatistics {
  private final double[] sorted;
  private final int[] places;

  /**
   * Sorts.
   *
   * @param values in any order
   */
  public OrderStatistics(double[] values) {
    this(values, 0);
  }

  /**
   * Sorts values that are drawn together with others.
   *
   * @param values in any order
   * @param first where the counts of these values begin
   */
  public OrderStatistics(double[] values, int first) {
    int[] order =
        IntStream.range(0, values.length)
            .boxed()
            .sorted(Comparator.comparingDouble(place -> values[place]))
            .mapToInt(Integer::intValue)
            .toArray();
    sorted = Arrays.stream(order).mapToDouble(place -> values[place]).toArray();
    places = Arrays.stream(order).map(place -> first + place).toArray();
  }

  /**
   * The middle of a resample; between two middle values their mean.
   *
   * @param counts how often each value was drawn, in the order in which they were given; one at least
   * @return the median
   */
  public double median(int[] counts) {
    int total = total(counts);
    int lower = (total + 1) / 2;
    int upper = total / 2 + 1;
    int seen = 0;
    int rank = 0;
    while (seen + counts[places[rank]] < lower) {
      seen += counts[places[rank++]];
    }
    double low = sorted[rank];
    while (seen + counts[places[rank]] < upper) {
      seen += counts[places[rank++]];
    }
    return (low + sorted[rank]) / 2;
  }

  /**
   * The median of a resample's absolute deviations from a center, from two fingers that move outwards
   * from the center.
   *
   * @param counts how often each value was drawn, in the order in which they were given; one at least
   * @param center from where deviations are taken
   * @return the median absolute deviation, not scaled
   */
  public double deviation(int[] counts, double center) {
    int total = total(counts);
    int lower = (total + 1) / 2;
    int upper = total / 2 + 1;
    int above = 0;
    while (above < sorted.length && sorted[above] < center) {
      above++;
    }
    int below = above - 1;
    int seen = 0;
    double low = Double.NaN;
    while (true) {
      double down = below < 0 ? Double.POSITIVE_INFINITY : center - sorted[below];
      double up = above == sorted.length ? Double.POSITIVE_INFINITY : sorted[above] - center;
      seen += counts[places[down < up ? below-- : above++]];
      double deviation = Math.min(down, up);
      if (Double.isNaN(low) && seen >= lower) {
        low = deviation;
      }
      if (seen >= upper) {
        return (low + deviation) / 2;
      }
    }
  }

  private int total(int[] counts) {
    int total = 0;
    for (int place : places) {
      total += counts[place];
    }
    return total;
  }
}
