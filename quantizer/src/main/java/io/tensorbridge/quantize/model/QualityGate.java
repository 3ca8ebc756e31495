package io.tensorbridge.quantize.model;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.TensorQuality;
import java.util.List;
import java.util.Locale;

/**
 * What every quantized tensor must reach, and what becomes of one that doesn't: it gets more bits,
 * rung by rung, or ends the conversion.
 *
 * @param minCosine the least cosine, -1 to 1
 * @param minSqnrDb the least ratio of signal to noise, decibels; negative infinity for none
 * @param ladder the schemes to climb, in this order; empty for the natural order of each scheme
 * @param failFast whether a tensor that misses fails instead of climbing
 */
public record QualityGate(
    double minCosine, double minSqnrDb, List<QuantScheme> ladder, boolean failFast) {
  /** Checks the limits and keeps its own list. */
  public QualityGate {
    if (!(minCosine >= -1 && minCosine <= 1)) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "min-cosine", minCosine + " is no cosine; take -1 to 1");
    }
    if (Double.isNaN(minSqnrDb)) {
      throw new OptionException(ErrorCode.BAD_OPTION, "min-sqnr", "is no number");
    }
    ladder = List.copyOf(ladder);
  }

  /**
   * A gate for the cosine, with the natural ladder of each scheme.
   *
   * @param minCosine the least cosine, -1 to 1
   * @return the gate
   */
  public static QualityGate ofCosine(double minCosine) {
    return new QualityGate(minCosine, Double.NEGATIVE_INFINITY, List.of(), false);
  }

  /**
   * Whether a tensor may pass.
   *
   * @param quality its figures; NaN passes no gate
   * @return true if both limits are kept
   */
  public boolean admits(TensorQuality quality) {
    return quality.cosine() >= minCosine && quality.sqnrDb() >= minSqnrDb;
  }

  /** Why a tensor did not pass. */
  String refusal(String encoding, TensorQuality quality) {
    String limit =
        quality.cosine() >= minCosine
            ? String.format(
                Locale.ROOT, "SQNR %.2f dB, less than %s", quality.sqnrDb(), minSqnrDb)
            : String.format(
                Locale.ROOT, "cosine %.6f, less than %s", quality.cosine(), minCosine);
    return "as " + encoding + " it has " + limit
        + "; override its scheme, lower the limit, or let it climb the ladder without --fail-fast";
  }
}
