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
  private static final int POINTS_HEIGHT = 220;
  private static final int MANY_POINTS = 300;

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

  /**
   * A tensor in a chart of all tensors.
   *
   * @param index its place in the model
   * @param value what is drawn; the power of ten on a logarithmic axis
   * @param label shown where the pointer rests
   */
  record Point(int index, double value, String label) {}

  /**
   * A dot for each tensor, from left to right in the order of the model.
   *
   * @param logarithmic whether values are powers of ten
   */
  static String points(List<Point> points, int count, boolean logarithmic, String unit) {
    double least = points.stream().mapToDouble(Point::value).min().orElse(0);
    double greatest = points.stream().mapToDouble(Point::value).max().orElse(0);
    double step = tickStep(greatest - least, logarithmic);
    double bottom = Math.floor(least / step) * step;
    double top = Math.max(bottom + step, Math.ceil(greatest / step) * step);
    StringBuilder svg =
        begin(POINTS_HEIGHT + AXIS_HEIGHT, "one dot for each tensor, in " + unit);
    int ticks = (int) Math.round((top - bottom) / step);
    for (int i = 0; i <= ticks; i++) {
      double value = bottom + i * step;
      double y = pointY(value, bottom, top);
      appendGridLine(svg, y);
      appendText(
          svg, LABEL_WIDTH - 8, Math.round(y) + 4, "end",
          logarithmic ? "1e" + Math.round(value) : tickText(value, step));
    }
    double room = WIDTH - LABEL_WIDTH - 8;
    for (Point point : points) {
      double x = LABEL_WIDTH + 4 + room * point.index() / Math.max(1, count - 1);
      svg.append(
          String.format(
              Locale.ROOT,
              "<circle class=\"point\" r=\"%s\" cx=\"%.1f\" cy=\"%.1f\"><title>%s</title>"
                  + "</circle>%n",
              count > MANY_POINTS ? "2" : "3",
              x,
              pointY(point.value(), bottom, top),
              HtmlPage.escaped(point.label())));
    }
    appendText(svg, LABEL_WIDTH, POINTS_HEIGHT + 18, "start", "first tensor");
    appendText(svg, (WIDTH + LABEL_WIDTH) / 2, POINTS_HEIGHT + 18, "middle", unit);
    appendText(svg, WIDTH, POINTS_HEIGHT + 18, "end", "last tensor");
    return svg.append("</svg>\n").toString();
  }

  private static double pointY(double value, double bottom, double top) {
    return 8 + (POINTS_HEIGHT - 16) * (top - value) / (top - bottom);
  }

  /** A round distance of ticks, so that there are three to eight of them. */
  private static double tickStep(double span, boolean logarithmic) {
    if (logarithmic) {
      return Math.max(1, Math.ceil(span / 6));
    }
    double step = Math.pow(10, Math.floor(Math.log10(Math.max(1e-6, span / 3))));
    return span / step > 15 ? 5 * step : span / step > 6 ? 2 * step : step;
  }

  private static String tickText(double value, double step) {
    int decimals = Math.max(0, (int) -Math.floor(Math.log10(step)));
    return String.format(Locale.ROOT, "%." + decimals + "f", value);
  }

  private static void appendGridLine(StringBuilder svg, double y) {
    svg.append(
        String.format(
            Locale.ROOT,
            "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>%n",
            LABEL_WIDTH,
            WIDTH,
            y,
            y));
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
        .append(anchor).append("\">").append(HtmlPage.escaped(text)).append("</text>\n");
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.1f", value);
  }
}
