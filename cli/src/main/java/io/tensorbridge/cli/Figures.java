package io.tensorbridge.cli;

import io.tensorbridge.quantize.TensorQuality;
import java.util.Locale;

/** Quality figures as people read them. */
final class Figures {
  private Figures() {}

  static String sqnr(TensorQuality quality) {
    double decibels = quality.sqnrDb();
    return Double.isInfinite(decibels) ? "exact" : String.format(Locale.ROOT, "%.2f", decibels);
  }

  static String cosine(TensorQuality quality) {
    return String.format(Locale.ROOT, "%.6f", quality.cosine());
  }

  static String maxError(TensorQuality quality) {
    return String.format(Locale.ROOT, "%.3g", quality.maxAbsError());
  }
}
