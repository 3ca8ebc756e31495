package io.tensorbridge.cli;

import io.tensorbridge.quantize.TensorQuality;
import io.tensorbridge.quantize.model.ModelComparison;
import io.tensorbridge.quantize.model.ModelComparison.Pair;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A page about how close two models are. */
final class ComparisonPage {
  private final Path first;
  private final Path second;
  private final ModelComparison comparison;

  ComparisonPage(Path first, Path second, ModelComparison comparison) {
    this.first = first;
    this.second = second;
    this.comparison = comparison;
  }

  void write(Path path) {
    HtmlPage page =
        new HtmlPage(
            second.getFileName() + " compared with " + first.getFileName(),
            first + " and " + second);
    long before = bytesOfFirst();
    long after = bytesOfSecond();
    TensorQuality total = comparison.total();
    page.addTiles(
        "size", String.format(Locale.ROOT, "%.1f %%", 100.0 * after / Math.max(1, before)),
        "SQNR", Figures.sqnr(total) + " dB",
        "cosine", Figures.cosine(total),
        "max error", Figures.maxError(total),
        "tensors", Integer.toString(comparison.tensors().size()));
    page.addChart("Size", SvgCharts.sizes(before, after));
    List<ErrorCharts.Layer> layers = new ArrayList<>();
    for (Pair pair : comparison.tensors()) {
      pair.quality()
          .filter(quality -> quality.elements() > 0)
          .ifPresent(
              quality -> layers.add(new ErrorCharts.Layer(pair.first().name(), quality)));
    }
    ErrorCharts.addTo(page, layers);
    page.addList("Notes", notes());
    addTensors(page);
    page.write(path);
  }

  private long bytesOfFirst() {
    return comparison.tensors().stream().mapToLong(pair -> pair.first().byteLength()).sum();
  }

  private long bytesOfSecond() {
    return comparison.tensors().stream().mapToLong(pair -> pair.second().byteLength()).sum();
  }

  private List<String> notes() {
    List<String> notes = new ArrayList<>();
    comparison.onlyInFirst().forEach(name -> notes.add("only in " + first + ": " + name));
    comparison.onlyInSecond().forEach(name -> notes.add("only in " + second + ": " + name));
    for (Pair pair : comparison.tensors()) {
      if (pair.quality().isEmpty()) {
        notes.add(pair.first().name() + " can't be compared: it " + pair.failure());
      }
    }
    return notes;
  }

  private void addTensors(HtmlPage page) {
    List<List<String>> rows = new ArrayList<>();
    for (Pair pair : comparison.tensors()) {
      rows.add(
          List.of(
              pair.first().name(),
              pair.first().shape().toString(),
              pair.first().encoding(),
              pair.second().encoding(),
              Long.toString(pair.first().byteLength()),
              Long.toString(pair.second().byteLength()),
              pair.quality().map(Figures::sqnr).orElse(""),
              pair.quality().map(Figures::cosine).orElse(""),
              pair.quality().map(Figures::maxError).orElse("")));
    }
    page.addTable(
        "Tensors",
        List.of(
            "tensor", "shape", "A", "B", ">A bytes", ">B bytes", ">SQNR dB", ">cosine",
            ">max error"),
        rows);
  }
}
