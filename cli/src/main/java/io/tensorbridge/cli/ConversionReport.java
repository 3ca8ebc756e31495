package io.tensorbridge.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.tensorbridge.BridgeException;
import io.tensorbridge.quantize.Survival;
import io.tensorbridge.quantize.TensorQuality;
import io.tensorbridge.quantize.model.ConversionResult;
import io.tensorbridge.quantize.model.RaisedTensor;
import io.tensorbridge.quantize.model.TensorPlan;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What a conversion did, as text or JSON.
 *
 * @param input the model
 * @param output the new file
 * @param scheme as asked for
 * @param result what was written
 * @param seconds it took
 */
record ConversionReport(
    Path input, Path output, String scheme, ConversionResult result, double seconds) {
  /** Tensors of one encoding. */
  private static final class Sum {
    int tensors;
    long inputBytes;
    long outputBytes;
  }

  void print(WorkOptions work, Console console) {
    if (work.json()) {
      JsonDocument.print(console.out(), this::writeJson);
    } else if (work.prints()) {
      printText(console.out());
    }
  }

  private void printText(PrintWriter out) {
    Map<String, Sum> sums = new TreeMap<>();
    Map<String, Integer> notes = new TreeMap<>();
    for (TensorPlan plan : result.tensors()) {
      Sum sum = sums.computeIfAbsent(plan.encoding(), _ -> new Sum());
      sum.tensors++;
      sum.inputBytes += plan.source().byteLength();
      sum.outputBytes += plan.byteLength();
      if (!plan.note().isEmpty()) {
        notes.merge(plan.encoding() + ": " + plan.note(), 1, Integer::sum);
      }
    }
    TextTable table = new TextTable("written as", ">tensors", ">before", ">after");
    sums.forEach(
        (encoding, sum) -> table.add(
            encoding,
            Integer.toString(sum.tensors),
            ByteSize.text(sum.inputBytes),
            ByteSize.text(sum.outputBytes)));
    table.print(out);
    notes.forEach((note, count) -> out.println("  " + count + " as " + note));
    long merged = result.tensors().stream().filter(plan -> plan.adapterCount() > 0).count();
    if (merged > 0) {
      out.println("  " + merged + " with adapters merged into them" + survival());
    }
    for (RaisedTensor tensor : result.raised()) {
      out.println(
          "raised: " + tensor.name() + " from " + tensor.from().encoding() + " to "
              + tensor.to().encoding() + " (cosine: " + Figures.rungs(tensor) + ")");
    }
    if (!result.qualities().isEmpty()) {
      TensorQuality total = result.quality();
      out.println(
          "quantized tensors: SQNR " + Figures.sqnr(total) + " dB, cosine "
              + Figures.cosine(total) + ", max error " + Figures.maxError(total) + worst());
    }
    result.warnings().forEach(warning -> out.println("warning: " + warning));
    out.println(
        output + ": " + ByteSize.text(result.outputBytes()) + " of "
            + ByteSize.text(result.inputBytes())
            + String.format(Locale.ROOT, " in %.2f s, %.2f GB/s",
                seconds, result.inputBytes() / seconds / 1e9));
    out.flush();
  }

  /** How much of the adapters is left, and where the least is. */
  private String survival() {
    Optional<Map.Entry<String, Survival>> least =
        result.survivals().entrySet().stream()
            .min(Comparator.comparingDouble(entry -> entry.getValue().share()));
    return least
        .map(
            entry -> ": " + Figures.survival(result.survival()) + " of their effect survives; the"
                + " least in " + entry.getKey() + ", " + Figures.survival(entry.getValue()))
        .orElse("");
  }

  /** The tensor that is least like its original. */
  private String worst() {
    String name = "";
    double least = 2;
    for (Map.Entry<String, TensorQuality> entry : result.qualities().entrySet()) {
      double cosine = entry.getValue().cosine();
      if (!(cosine >= least)) {
        name = entry.getKey();
        least = Double.isNaN(cosine) ? Double.NEGATIVE_INFINITY : cosine;
      }
    }
    return name.isEmpty()
        ? ""
        : "; the worst is " + name + ", cosine " + Figures.cosine(quality(name));
  }

  private TensorQuality quality(String name) {
    return result.qualities().getOrDefault(name, TensorQuality.NONE);
  }

  private void writeJson(JsonGenerator json) throws IOException {
    json.writeStringField("input", input.toString());
    json.writeStringField("output", output.toString());
    json.writeStringField("scheme", scheme);
    json.writeNumberField("input_bytes", result.inputBytes());
    json.writeNumberField("output_bytes", result.outputBytes());
    json.writeNumberField("seconds", seconds);
    json.writeArrayFieldStart("tensors");
    for (TensorPlan plan : result.tensors()) {
      json.writeStartObject();
      json.writeStringField("name", plan.source().name());
      JsonDocument.writeShape(json, plan.source().shape());
      json.writeStringField("from", plan.source().encoding());
      json.writeStringField("to", plan.encoding());
      json.writeNumberField("bytes", plan.byteLength());
      if (plan.adapterCount() > 0) {
        json.writeNumberField("adapters", plan.adapterCount());
      }
      Survival survival = result.survivals().get(plan.source().name());
      if (survival != null) {
        Figures.write(json, survival);
      }
      if (!plan.note().isEmpty()) {
        json.writeStringField("note", plan.note());
      }
      if (result.qualities().containsKey(plan.source().name())) {
        json.writeNumberField("saved_bytes", plan.source().byteLength() - plan.byteLength());
        Figures.write(json, quality(plan.source().name()));
      }
      json.writeEndObject();
    }
    json.writeEndArray();
    if (!result.qualities().isEmpty()) {
      json.writeObjectFieldStart("quality");
      Figures.write(json, result.quality());
      json.writeEndObject();
    }
    if (!result.survivals().isEmpty()) {
      json.writeObjectFieldStart("adapters");
      json.writeNumberField("tensors", result.survivals().size());
      Figures.write(json, result.survival());
      json.writeEndObject();
    }
    writeRaised(json);
    json.writeObjectFieldStart("failures");
    for (Map.Entry<String, BridgeException> failure : result.failures().entrySet()) {
      json.writeObjectFieldStart(failure.getKey());
      FailureDocument.writeMembers(json, failure.getValue());
      json.writeEndObject();
    }
    json.writeEndObject();
    json.writeArrayFieldStart("warnings");
    for (String warning : result.warnings()) {
      json.writeString(warning);
    }
    json.writeEndArray();
  }

  private void writeRaised(JsonGenerator json) throws IOException {
    json.writeArrayFieldStart("raised");
    for (RaisedTensor tensor : result.raised()) {
      json.writeStartObject();
      json.writeStringField("name", tensor.name());
      json.writeStringField("from", tensor.from().encoding());
      json.writeStringField("to", tensor.to().encoding());
      json.writeArrayFieldStart("rungs");
      for (RaisedTensor.Rung rung : tensor.rungs()) {
        json.writeStartObject();
        json.writeStringField("encoding", rung.encoding());
        Figures.write(json, rung.quality());
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeEndObject();
    }
    json.writeEndArray();
  }
}
