package io.tensorbridge.benches.compare;

import io.tensorbridge.benches.estimate.Estimate;
import java.util.List;

/**
 * A benchmark against an earlier run of it; the content of a {@code comparison.json}.
 *
 * @param format version of this file format, that of {@link
 *     io.tensorbridge.benches.sample.Samples#FORMAT}
 * @param group the work
 * @param contender the way it is done
 * @param baseline the name of the earlier run; {@code base} is the previous one
 * @param baselineStarted when it began, ISO 8601
 * @param median relative change of the median: 0.1 is 10% slower
 * @param mean relative change of the mean
 * @param pValue how likely a difference of medians at least as large is where nothing changed
 * @param noiseThreshold changes up to this are taken for noise
 * @param verdict what follows
 * @param environmentChanges facts of machine and software that differ, a sentence each; a comparison
 *     of two machines says little
 */
public record Comparison(
    int format,
    String group,
    String contender,
    String baseline,
    String baselineStarted,
    Estimate median,
    Estimate mean,
    double pValue,
    double noiseThreshold,
    Verdict verdict,
    List<String> environmentChanges) {

  /** What a comparison says. */
  public enum Verdict {
    /** Surely faster (or smaller) by more than noise. */
    IMPROVED,
    /** No change, or none that stands out of the noise. */
    NO_CHANGE,
    /** Surely slower (or larger) by more than noise. */
    REGRESSED
  }
}
