package io.tensorbridge.benches.estimate;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.hipparchus.stat.descriptive.moment.StandardDeviation;
import org.hipparchus.stat.descriptive.rank.Percentile;
import org.hipparchus.stat.descriptive.rank.Percentile.EstimationType;

/**
 * Draws resamples and gives what statistics make of them (Efron, <i>Bootstrap Methods</i>, 1979).
 *
 * <p>A resample is how often each sample was drawn. Blocks of resamples run on all cores, each with a
 * random generator of its own, so that the result depends on the seed alone.
 */
public final class Bootstrap {
  /** As many as criterion.rs draws. */
  public static final int RESAMPLES = 100_000;

  private static final int BLOCK = 500;

  private final long seed;
  private final int resamples;

  /**
   * A bootstrap that gives the same whenever it is asked the same.
   *
   * @param seed of the random generators
   * @param resamples how many to draw
   */
  public Bootstrap(long seed, int resamples) {
    this.seed = seed;
    this.resamples = resamples;
  }

  /** Draws one resample. */
  @FunctionalInterface
  public interface Draw {
    /**
     * Adds to the counts.
     *
     * @param random where chance comes from
     * @param counts for each sample, zero at first
     */
    void into(SplittableRandom random, int[] counts);
  }

  /** Statistics of a resample; called by several threads at once. */
  @FunctionalInterface
  public interface Statistics {
    /**
     * Computes them.
     *
     * @param counts how often each sample was drawn
     * @param results one place for each statistic
     */
    void of(int[] counts, double[] results);
  }

  /**
   * Each of the samples with the same chance, as many as there are.
   *
   * @param samples how many there are
   * @return the draw
   */
  public static Draw uniform(int samples) {
    return (random, counts) -> {
      // Two draws of 32 bits from each 64; the bias, samples / 2^32, is far below the resampling error.
      for (int i = 0; i < samples; i += 2) {
        long bits = random.nextLong();
        counts[below(samples, bits >>> 32)]++;
        if (i + 1 < samples) {
          counts[below(samples, bits & 0xFFFFFFFFL)]++;
        }
      }
    };
  }

  /** A number below the bound from 32 random bits (Lemire 2019, without the rejection). */
  static int below(int bound, long bits) {
    return (int) ((bits * bound) >>> 32);
  }

  /**
   * The distributions of statistics over the resamples.
   *
   * @param samples how many there are
   * @param statistics how many there are
   * @param draw how resamples are drawn
   * @param compute what is made of them
   * @return for each statistic one value for each resample
   */
  public double[][] distributions(int samples, int statistics, Draw draw, Statistics compute) {
    double[][] distributions = new double[statistics][resamples];
    int blocks = (resamples + BLOCK - 1) / BLOCK;
    SplittableRandom root = new SplittableRandom(seed);
    SplittableRandom[] randoms = new SplittableRandom[blocks];
    Arrays.setAll(randoms, block -> root.split());
    IntStream.range(0, blocks)
        .parallel()
        .forEach(
            block -> {
              int[] counts = new int[samples];
              double[] results = new double[statistics];
              int end = Math.min(resamples, (block + 1) * BLOCK);
              for (int i = block * BLOCK; i < end; i++) {
                Arrays.fill(counts, 0);
                draw.into(randoms[block], counts);
                compute.of(counts, results);
                for (int k = 0; k < statistics; k++) {
                  distributions[k][i] = results[k];
                }
              }
            });
    return distributions;
  }

  /**
   * A statistic with the percentile interval of its distribution.
   *
   * @param point the statistic of the samples themselves
   * @param distribution the statistic of the resamples
   * @return with the interval that holds the middle 95%
   */
  public static Estimate estimate(double point, double[] distribution) {
    Percentile percentile = new Percentile().withEstimationType(EstimationType.R_7);
    percentile.setData(distribution);
    return new Estimate(
        point,
        percentile.evaluate(2.5),
        percentile.evaluate(97.5),
        new StandardDeviation().evaluate(distribution));
  }
}
