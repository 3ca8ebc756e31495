package io.tensorbridge.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.tensorbridge.cli.CommandSyntax.Option;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.TensorQuality;
import io.tensorbridge.quantize.model.ModelComparison;
import io.tensorbridge.quantize.model.ModelComparison.Pair;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Tells how close two models are. */
final class CompareCommand implements Command {
  @Override
  public CommandSyntax syntax() {
    CommandSyntax syntax =
        CommandSyntax.of(
            "compare",
            "Tell how close two model files are.",
            "Tells how close the tensors of B are to those of the same name in A: signal to"
                + " noise (SQNR), cosine, greatest error, size. Quantized tensors are"
                + " dequantized first. Exit code 1 if a pair can't be compared.")
            .positional("A", "The original.")
            .positional("B", "What was made of it.");
    return WorkOptions.addTo(syntax)
        .option(Option.value("--report", "FILE.html", "Write a page that draws the error of each"
            + " tensor."))
        .example("tensorbridge compare model.safetensors model.q8_0.gguf")
        .example(
            "tensorbridge compare model.safetensors model.q8_0.gguf --report errors.html");
  }

  @Override
  public int run(Arguments arguments, Console console) {
    WorkOptions work = WorkOptions.of(arguments);
    Path first = arguments.path(0);
    Path second = arguments.path(1);
    ModelComparison comparison = compare(first, second, work, console);
    arguments.pathValue("--report")
        .ifPresent(report -> new ComparisonPage(first, second, comparison).write(report));
    if (work.json()) {
      JsonDocument.print(console.out(), json -> write(json, first, second, comparison));
    } else if (work.prints()) {
      print(console.out(), comparison);
    }
    boolean whole = comparison.tensors().stream().allMatch(pair -> pair.quality().isPresent());
    return whole ? ExitCode.DONE : ExitCode.FAILED;
  }

  private static ModelComparison compare(
      Path first, Path second, WorkOptions work, Console console) {
    TensorFileFormats formats = TensorFileFormats.ofServices();
    try (TensorFile a = formats.forPath(first).open(first);
        TensorFile b = formats.forPath(second).open(second);
        ProgressBar bar = work.progressBar(console, "compare")) {
      return ModelComparison.of(a, b, work.threads(), bar::update);
    }
  }

  private static void print(PrintWriter out, ModelComparison comparison) {
    TextTable table =
        new TextTable(
            "tensor", "A", "B", "shape", ">SQNR dB", ">cosine", ">max error", ">A bytes",
            ">B bytes");
    for (Pair pair : comparison.tensors()) {
      table.add(
          pair.first().name(),
          pair.first().encoding(),
          pair.second().encoding(),
          pair.first().shape().toString(),
          pair.quality().map(Figures::sqnr).orElse("-"),
          pair.quality().map(Figures::cosine).orElse("-"),
          pair.quality().map(Figures::maxError).orElse(pair.failure()),
          Long.toString(pair.first().byteLength()),
          Long.toString(pair.second().byteLength()));
    }
    table.print(out);
    printNames(out, "only in A", comparison.onlyInFirst());
    printNames(out, "only in B", comparison.onlyInSecond());
    TensorQuality total = comparison.total();
    long before = comparison.tensors().stream().mapToLong(pair -> pair.first().byteLength()).sum();
    long after = comparison.tensors().stream().mapToLong(pair -> pair.second().byteLength()).sum();
    out.println(
        "all: SQNR " + Figures.sqnr(total) + " dB, cosine " + Figures.cosine(total)
            + ", max error " + Figures.maxError(total) + ", " + ByteSize.text(before) + " to "
            + ByteSize.text(after)
            + String.format(Locale.ROOT, " (%.1f %%)", 100.0 * after / Math.max(1, before)));
    out.flush();
  }

  private static void printNames(PrintWriter out, String where, List<String> names) {
    names.forEach(name -> out.println(where + ": " + name));
  }

  private static void write(
      JsonGenerator json, Path first, Path second, ModelComparison comparison)
      throws IOException {
    json.writeStringField("a", first.toString());
    json.writeStringField("b", second.toString());
    json.writeArrayFieldStart("tensors");
    for (Pair pair : comparison.tensors()) {
      json.writeStartObject();
      json.writeStringField("name", pair.first().name());
      JsonDocument.writeShape(json, pair.first().shape());
      json.writeStringField("a_encoding", pair.first().encoding());
      json.writeStringField("b_encoding", pair.second().encoding());
      json.writeNumberField("a_bytes", pair.first().byteLength());
      json.writeNumberField("b_bytes", pair.second().byteLength());
      if (pair.quality().isPresent()) {
        Figures.write(json, pair.quality().get());
      } else {
        json.writeStringField("failure", pair.failure());
      }
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeObjectFieldStart("total");
    Figures.write(json, comparison.total());
    json.writeEndObject();
    writeNames(json, "only_in_a", comparison.onlyInFirst());
    writeNames(json, "only_in_b", comparison.onlyInSecond());
  }

  private static void writeNames(JsonGenerator json, String field, List<String> names)
      throws IOException {
    json.writeArrayFieldStart(field);
    for (String name : names) {
      json.writeString(name);
    }
    json.writeEndArray();
  }
}
