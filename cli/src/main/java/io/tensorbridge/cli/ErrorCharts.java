package io.tensorbridge.cli;

import io.tensorbridge.quantize.TensorQuality;
import java.util.ArrayList;
import java.util.List;

/** The charts that show where in a model the errors are. */
final class ErrorCharts {
  private ErrorCharts() {}

  /**
   * A tensor in the order of the model.
   *
   * @param name the tensor
   * @param quality how close it is
   */
  record Layer(String name, TensorQuality quality) {}

  static void addTo(HtmlPage page, List<Layer> layers) {
    List<SvgCharts.Point> ratios = new ArrayList<>();
    List<SvgCharts.Point> errors = new ArrayList<>();
    List<Double> decibels = new ArrayList<>();
    for (int i = 0; i < layers.size(); i++) {
      TensorQuality quality = layers.get(i).quality();
      if (Double.isFinite(quality.sqnrDb())) {
        ratios.add(new SvgCharts.Point(i, quality.sqnrDb(), label(layers.get(i))));
        decibels.add(quality.sqnrDb());
      }
      if (quality.maxAbsError() > 0 && Double.isFinite(quality.maxAbsError())) {
        errors.add(
            new SvgCharts.Point(i, Math.log10(quality.maxAbsError()), label(layers.get(i))));
      }
    }
    if (!ratios.isEmpty()) {
      page.addChart(
          "Signal to quantization noise, tensor by tensor in the order of the model",
          SvgCharts.points(ratios, layers.size(), false, "dB"));
    }
    if (!errors.isEmpty()) {
      page.addChart(
          "Greatest error, tensor by tensor in the order of the model",
          SvgCharts.points(errors, layers.size(), true, "absolute error"));
    }
    if (!decibels.isEmpty()) {
      page.addChart(
          "How many tensors have which ratio", SvgCharts.histogram(decibels, "dB"));
    }
  }

  private static String label(Layer layer) {
    TensorQuality quality = layer.quality();
    return layer.name() + ": SQNR " + Figures.sqnr(quality) + " dB, cosine "
        + Figures.cosine(quality) + ", max error " + Figures.maxError(quality);
  }
}
