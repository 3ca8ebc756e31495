package io.tensorbridge.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.model.ModelTensor;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Lists what a model file holds. */
@Command(
    name = "inspect",
    description = {
      "Lists the tensors and the metadata of a model file, after checking every rule of its format.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  tensorbridge inspect model.gguf",
      "  tensorbridge inspect model.safetensors --json | jq '.tensors[].name'"
    })
final class InspectCommand implements Callable<Integer> {
  private static final int LONGEST_VALUE = 100;

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "FILE", description = "The model file.")
  private Path file;

  @Option(names = "--json", description = "Print one JSON document on standard output.")
  private boolean json;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    try (TensorFile open = TensorFileFormats.ofServices().forPath(file).open(file)) {
      List<ModelTensor> tensors = ModelTensor.of(open);
      if (json) {
        JsonDocument.print(out, generator -> write(generator, open, tensors));
      } else {
        print(out, open, tensors);
      }
    }
    return ExitCode.OK;
  }

  private void print(PrintWriter out, TensorFile open, List<ModelTensor> tensors) {
    TextTable table = new TextTable("tensor", "encoding", "shape", ">bytes");
    long bytes = 0;
    long elements = 0;
    for (ModelTensor tensor : tensors) {
      table.add(
          tensor.name(),
          tensor.encoding(),
          tensor.shape().toString(),
          Long.toString(tensor.byteLength()));
      bytes += tensor.byteLength();
      elements += tensor.shape().elementCount();
    }
    table.print(out);
    for (Map.Entry<String, String> entry : open.metadata().entrySet()) {
      String value = entry.getValue().replace('\n', ' ');
      boolean isLong = value.length() > LONGEST_VALUE;
      out.println(
          entry.getKey() + ": " + (isLong ? value.substring(0, LONGEST_VALUE) + "..." : value));
    }
    out.println(
        tensors.size() + " tensors, " + elements + " elements, " + ByteSize.text(bytes));
    out.flush();
  }

  private void write(JsonGenerator generator, TensorFile open, List<ModelTensor> tensors)
      throws IOException {
    generator.writeStringField("file", file.toString());
    generator.writeArrayFieldStart("tensors");
    for (ModelTensor tensor : tensors) {
      generator.writeStartObject();
      generator.writeStringField("name", tensor.name());
      generator.writeStringField(
          tensor.dtype().isPresent() ? "dtype" : "scheme", tensor.encoding());
      JsonDocument.writeShape(generator, tensor.shape());
      generator.writeNumberField("bytes", tensor.byteLength());
      generator.writeEndObject();
    }
    generator.writeEndArray();
    generator.writeObjectFieldStart("metadata");
    for (Map.Entry<String, String> entry : open.metadata().entrySet()) {
      generator.writeStringField(entry.getKey(), entry.getValue());
    }
    generator.writeEndObject();
  }
}
