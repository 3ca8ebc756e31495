package io.tensorbridge.cli;

import java.util.List;
import java.util.Locale;

/** Charts as inline SVG, coloured by the page's style sheet. */
final class SvgCharts {
  private static final int WIDTH = 640;
  private static final int BAR_HEIGHT = 26;
  private static final int LABEL_WIDTH = 70;
  private static final int CHART_HEIGHT = 160;
  private static final int AXIS_HEIGHT = 24;
  private static final int BINS = 24;

  private SvgCharts() {}

  /** Two bars: before and after. */
  static String sizes(long before, long after) {
    StringBuilder svg = begin(2 * BAR_HEIGHT + 12, "size before and after");
    long longest = Math.max(1, Math.max(before, after));
    appendBar(svg, 0, "before", before, longest, "before");
    appendBar(svg, BAR_HEIGHT + 8, "after", after, longest, "after");
    return svg.append("</svg>\n").toString();
  }

  private static void appendBar(
      StringBuilder svg, int y, String label, long bytes, long longest, String style) {
    int room = WIDTH - 2 * LABEL_WIDTH;
    long width = Math.max(2, room * bytes / longest);
    appendText(svg, LABEL_WIDTH - 8, y + 18, "end", label);
    svg.append("<rect class=\"").append(style).append("\" rx=\"3\" x=\"").append(LABEL_WIDTH)
        .append("\" y=\"").append(y).append("\" height=\"").append(BAR_HEIGHT)
        .append("\" width=\"").append(width).append("\"/>\n");
    appendText(svg, LABEL_WIDTH + width + 6, y + 18, "start", ByteSize.text(bytes));
  }

  /** How many values lie where. */
  static String histogram(List<Double> values, String unit) {
    double least = values.stream().mapToDouble(Double::doubleValue).min().orElse(0);
    double greatest = values.stream().mapToDouble(Double::doubleValue).max().orElse(0);
    double span = Math.max(1e-9, greatest - least);
    int[] counts = new int[BINS];
    int highest = 1;
    for (double value : values) {
      int bin = (int) Math.min(BINS - 1, (value - least) / span * BINS);
      highest = Math.max(highest, ++counts[bin]);
    }
    StringBuilder svg = begin(CHART_HEIGHT + AXIS_HEIGHT, "histogram in " + unit);
    double binWidth = (double) WIDTH / BINS;
    for (int i = 0; i < BINS; i++) {
      double height = (double) counts[i] / highest * (CHART_HEIGHT - 16);
      appendBin(svg, i * binWidth, binWidth, height, counts[i]);
    }
    appendText(svg, 0, CHART_HEIGHT + 18, "start", number(least) + " " + unit);
    appendText(svg, WIDTH / 2, CHART_HEIGHT + 18, "middle", values.size() + " tensors");
    appendText(svg, WIDTH, CHART_HEIGHT + 18, "end", number(greatest) + " " + unit);
    return svg.append("</svg>\n").toString();
  }

  private static void appendBin(
      StringBuilder svg, double x, double width, double height, int count) {
    if (count == 0) {
      return;
    }
    svg.append(
        String.format(
            Locale.ROOT,
            "<rect class=\"after\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>%n",
            x + 1,
            CHART_HEIGHT - height,
            width - 2,
            height));
    appendText(
        svg, Math.round(x + width / 2), Math.round(CHART_HEIGHT - height - 4), "middle",
        "" + count);
  }

  private static StringBuilder begin(int height, String label) {
    return new StringBuilder("<svg viewBox=\"0 0 ").append(WIDTH).append(' ').append(height)
        .append("\" role=\"img\" aria-label=\"").append(label).append("\">\n");
  }

  private static void appendText(StringBuilder svg, long x, long y, String anchor, String text) {
    svg.append("<text x=\"").append(x).append("\" y=\"").append(y).append("\" text-anchor=\"")
        .append(anchor).append("\">").append(HtmlReport.escaped(text)).append("</text>\n");
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.1f", value);
  }
}
