package io.tensorbridge.benches.estimate;

/**
 * A statistic of samples with its 95% confidence interval, from a percentile bootstrap (Efron 1979).
 *
 * @param point the statistic of the samples themselves
 * @param low lower end of the interval
 * @param high upper end of the interval
 * @param standardError standard deviation of the statistic over the resamples
 */
public record Estimate(double point, double low, double high, double standardError) {}
