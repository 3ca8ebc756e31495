package io.tensorbridge.cli;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.quantize.TensorQuality;
import io.tensorbridge.quantize.model.ModelComparison;
import io.tensorbridge.quantize.model.ModelComparison.Pair;
import io.tensorbridge.quantize.model.TensorPlan;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One self-contained page about a conversion: figures, charts, a table of all tensors. */
final class HtmlReport {
  private static final String STYLE = "report.css";

  private final ConversionReport figures;
  private final ModelComparison comparison;

  HtmlReport(ConversionReport figures, ModelComparison comparison) {
    this.figures = figures;
    this.comparison = comparison;
  }

  void write(Path path) {
    try {
      Files.writeString(path, page());
    } catch (IOException refused) {
      throw new FormatException(
          ErrorCode.FILE_IO,
          path + ": the report can't be written: " + refused.getMessage(),
          -1,
          "",
          refused);
    }
  }

  private String page() throws IOException {
    String title = figures.output().getFileName() + " as " + figures.scheme();
    StringBuilder html = new StringBuilder(1 << 16);
    html.append("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        .append("<title>").append(escaped(title)).append("</title>\n<style>\n")
        .append(style()).append("</style>\n</head>\n<body>\n<h1>").append(escaped(title))
        .append("</h1>\n<p>from ").append(escaped(figures.input().toString())).append("</p>\n");
    appendTiles(html);
    html.append("<h2>Size</h2>\n")
        .append(SvgCharts.sizes(figures.result().inputBytes(), figures.result().outputBytes()));
    appendQualityChart(html);
    appendNotes(html);
    appendTable(html);
    return html.append("</body>\n</html>\n").toString();
  }

  private static String style() throws IOException {
    try (InputStream in = HtmlReport.class.getResourceAsStream(STYLE)) {
      if (in == null) {
        throw new IOException(STYLE + " is missing in the jar");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private void appendTiles(StringBuilder html) {
    TensorQuality total = comparison.total();
    long before = figures.result().inputBytes();
    long after = figures.result().outputBytes();
    html.append("<dl class=\"tiles\">\n");
    appendTile(html, "size", String.format(Locale.ROOT, "%.1f %%", 100.0 * after / before));
    appendTile(html, "SQNR", Figures.sqnr(total) + " dB");
    appendTile(html, "cosine", Figures.cosine(total));
    appendTile(html, "max error", Figures.maxError(total));
    appendTile(html, "tensors", Integer.toString(figures.result().tensors().size()));
    appendTile(html, "time", String.format(Locale.ROOT, "%.2f s", figures.seconds()));
    html.append("</dl>\n");
  }

  private static void appendTile(StringBuilder html, String name, String value) {
    html.append("<div><dt>").append(name).append("</dt><dd>").append(value)
        .append("</dd></div>\n");
  }

  private void appendQualityChart(StringBuilder html) {
    List<Double> decibels =
        comparison.tensors().stream()
            .flatMap(pair -> pair.quality().stream())
            .map(TensorQuality::sqnrDb)
            .filter(Double::isFinite)
            .toList();
    if (!decibels.isEmpty()) {
      html.append("<h2>Signal to quantization noise of the tensors</h2>\n")
          .append(SvgCharts.histogram(decibels, "dB"));
    }
  }

  private void appendNotes(StringBuilder html) {
    if (figures.result().warnings().isEmpty() && figures.result().failures().isEmpty()) {
      return;
    }
    html.append("<h2>Notes</h2>\n<ul>\n");
    figures.result().warnings()
        .forEach(warning -> html.append("<li>").append(escaped(warning)).append("</li>\n"));
    figures.result().failures().values()
        .forEach(
            failure -> html.append("<li>left out: ")
                .append(escaped(String.valueOf(failure.getMessage()))).append("</li>\n"));
    html.append("</ul>\n");
  }

  private void appendTable(StringBuilder html) {
    Map<String, Pair> pairs = new HashMap<>();
    comparison.tensors().forEach(pair -> pairs.put(pair.first().name(), pair));
    html.append("<h2>Tensors</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>tensor</th>")
        .append("<th>shape</th><th>from</th><th>to</th><th class=\"n\">bytes</th>")
        .append("<th class=\"n\">SQNR dB</th><th class=\"n\">cosine</th>")
        .append("<th class=\"n\">max error</th><th>note</th></tr></thead>\n<tbody>\n");
    for (TensorPlan plan : figures.result().tensors()) {
      appendRow(html, plan, pairs.get(plan.source().name()));
    }
    html.append("</tbody>\n</table></div>\n");
  }

  private static void appendRow(
      StringBuilder html, TensorPlan plan, @Nullable Pair pair) {
    html.append("<tr><td class=\"name\">").append(escaped(plan.source().name()));
    html.append("</td><td>").append(plan.source().shape());
    html.append("</td><td>").append(escaped(plan.source().encoding()));
    html.append("</td><td>").append(escaped(plan.encoding()));
    html.append("</td><td class=\"n\">").append(plan.byteLength());
    if (pair != null && pair.quality().isPresent()) {
      TensorQuality quality = pair.quality().get();
      html.append("</td><td class=\"n\">").append(Figures.sqnr(quality));
      html.append("</td><td class=\"n\">").append(Figures.cosine(quality));
      html.append("</td><td class=\"n\">").append(Figures.maxError(quality));
    } else {
      html.append("</td><td></td><td></td><td>");
    }
    html.append("</td><td>").append(escaped(plan.note())).append("</td></tr>\n");
  }

  static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        .replace("\"", "&quot;");
  }
}
