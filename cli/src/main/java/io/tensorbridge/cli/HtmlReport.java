package io.tensorbridge.cli;

import io.tensorbridge.quantize.TensorQuality;
import io.tensorbridge.quantize.model.RaisedTensor;
import io.tensorbridge.quantize.model.TensorPlan;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** A page about a conversion that was measured. */
final class HtmlReport {
  private final ConversionReport figures;

  HtmlReport(ConversionReport figures) {
    this.figures = figures;
  }

  void write(Path path) {
    HtmlPage page =
        new HtmlPage(
            figures.output().getFileName() + " as " + figures.scheme(),
            "from " + figures.input());
    TensorQuality total = figures.result().quality();
    long before = figures.result().inputBytes();
    long after = figures.result().outputBytes();
    page.addTiles(
        "size", String.format(Locale.ROOT, "%.1f %%", 100.0 * after / Math.max(1, before)),
        "saved", ByteSize.text(Math.max(0, before - after)),
        "SQNR", Figures.sqnr(total) + " dB",
        "cosine", Figures.cosine(total),
        "max error", Figures.maxError(total),
        "tensors", Integer.toString(figures.result().tensors().size()),
        "time", String.format(Locale.ROOT, "%.2f s", figures.seconds()));
    page.addChart("Size", SvgCharts.sizes(before, after));
    List<ErrorCharts.Layer> layers = new ArrayList<>();
    figures.result().qualities()
        .forEach((name, quality) -> layers.add(new ErrorCharts.Layer(name, quality)));
    ErrorCharts.addTo(page, layers);
    SurvivalCharts.addTo(page, figures.result().survivals());
    addRaised(page);
    page.addList("Notes", notes());
    addTensors(page);
    page.write(path);
  }

  private List<String> notes() {
    List<String> notes = new ArrayList<>(figures.result().warnings());
    figures.result().failures().values()
        .forEach(failure -> notes.add("left out: " + failure.getMessage()));
    return notes;
  }

  private void addRaised(HtmlPage page) {
    List<List<String>> rows = new ArrayList<>();
    for (RaisedTensor tensor : figures.result().raised()) {
      rows.add(
          List.of(
              tensor.name(),
              tensor.from().encoding(),
              tensor.to().encoding(),
              Figures.cosine(tensor.from().quality()),
              Figures.cosine(tensor.to().quality()),
              Figures.rungs(tensor)));
    }
    if (!rows.isEmpty()) {
      page.addTable(
          "Tensors that missed the gate and got more bits",
          List.of("tensor", "from", "to", ">cosine before", ">cosine after", "rungs"),
          rows);
    }
  }

  private void addTensors(HtmlPage page) {
    List<List<String>> rows = new ArrayList<>();
    for (TensorPlan plan : figures.result().tensors()) {
      @Nullable
      TensorQuality quality = figures.result().qualities().get(plan.source().name());
      rows.add(
          List.of(
              plan.source().name(),
              plan.source().shape().toString(),
              plan.source().encoding(),
              plan.encoding(),
              Long.toString(plan.byteLength()),
              Long.toString(plan.source().byteLength() - plan.byteLength()),
              quality == null ? "" : Figures.sqnr(quality),
              quality == null ? "" : Figures.cosine(quality),
              quality == null ? "" : Figures.maxError(quality),
              plan.note()));
    }
    page.addTable(
        "Tensors",
        List.of(
            "tensor", "shape", "from", "to", ">bytes", ">saved", ">SQNR dB", ">cosine",
            ">max error", "note"),
        rows);
  }
}
