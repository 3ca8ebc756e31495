package io.tensorbridge.cli;

import io.tensorbridge.quantize.Survival;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The charts that show how much of merged adapters is left. */
final class SurvivalCharts {
  private SurvivalCharts() {}

  /** Draws nothing if nothing was merged. */
  static void addTo(HtmlPage page, Map<String, Survival> survivals) {
    List<SvgCharts.Point> shares = new ArrayList<>();
    List<SvgCharts.Point> gains = new ArrayList<>();
    survivals.forEach(
        (name, survival) -> {
          String label = name + ": " + Figures.survival(survival) + " survives, gain "
              + Figures.gain(survival);
          shares.add(new SvgCharts.Point(shares.size(), 100 * survival.share(), label));
          gains.add(new SvgCharts.Point(gains.size(), survival.gain(), label));
        });
    if (!shares.isEmpty()) {
      page.addChart(
          "What of the adapters survives quantization, tensor by tensor",
          SvgCharts.points(shares, shares.size(), false, "% of the effect"));
      page.addChart(
          "How much of the adapters' own direction is in the result, tensor by tensor",
          SvgCharts.points(gains, gains.size(), false, "gain"));
    }
  }
}
