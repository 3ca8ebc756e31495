package io.tensorbridge.benches.estimate;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the samples of one benchmark say; the content of an {@code estimates.json}. Values are
 * nanoseconds (or bytes) of one iteration.
 *
 * @param format version of this file format, that of {@link
 *     io.tensorbridge.benches.sample.Samples#FORMAT}
 * @param group the work
 * @param contender the way it is done
 * @param mean arithmetic mean
 * @param median the middle; what tables and comparisons use, since noise on a shared machine is
 *     one-sided
 * @param stdDev standard deviation, with n - 1
 * @param mad median absolute deviation from the median, times 1.4826 to equal the standard deviation
 *     of a normal distribution
 * @param slope time against iterations, least squares through the origin; null where iterations
 *     don't vary
 * @param outliers samples far from the others
 * @param figures medians of the further figures
 * @param resamples how many resamples the bootstrap drew
 */
public record Estimates(
    int format,
    String group,
    String contender,
    Estimate mean,
    Estimate median,
    Estimate stdDev,
    Estimate mad,
    @Nullable Estimate slope,
    Outliers outliers,
    Map<String, Estimate> figures,
    int resamples) {}
