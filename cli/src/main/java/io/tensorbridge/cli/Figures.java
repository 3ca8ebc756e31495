package io.tensorbridge.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.tensorbridge.quantize.Survival;
import io.tensorbridge.quantize.TensorQuality;
import io.tensorbridge.quantize.model.RaisedTensor;
import java.io.IOException;
import java.util.Locale;

/** Quality figures as people read them. */
final class Figures {
  private Figures() {}

  static String sqnr(TensorQuality quality) {
    double decibels = quality.sqnrDb();
    if (Double.isNaN(decibels)) {
      return "overflow";
    }
    return Double.isInfinite(decibels) ? "exact" : String.format(Locale.ROOT, "%.2f", decibels);
  }

  static String cosine(TensorQuality quality) {
    return String.format(Locale.ROOT, "%.6f", quality.cosine());
  }

  static String maxError(TensorQuality quality) {
    return String.format(Locale.ROOT, "%.3g", quality.maxAbsError());
  }

  /** What a tensor was measured as, from the first rung to the last. */
  static String rungs(RaisedTensor tensor) {
    StringBuilder text = new StringBuilder();
    for (RaisedTensor.Rung rung : tensor.rungs()) {
      text.append(text.isEmpty() ? "" : ", ").append(rung.encoding()).append(' ')
          .append(cosine(rung.quality()));
    }
    return text.toString();
  }

  static String survival(Survival survival) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * survival.share());
  }

  static String gain(Survival survival) {
    return String.format(Locale.ROOT, "%.3f", survival.gain());
  }

  /** The members of a JSON object. */
  static void write(JsonGenerator json, Survival survival) throws IOException {
    JsonDocument.writeNumber(json, "survival", survival.share());
    JsonDocument.writeNumber(json, "gain", survival.gain());
  }

  /** The members of a JSON object. */
  static void write(JsonGenerator json, TensorQuality quality) throws IOException {
    JsonDocument.writeNumber(json, "sqnr_db", quality.sqnrDb());
    JsonDocument.writeNumber(json, "cosine", quality.cosine());
    JsonDocument.writeNumber(json, "max_abs_error", quality.maxAbsError());
  }
}
