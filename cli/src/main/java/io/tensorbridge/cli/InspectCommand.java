package io.tensorbridge.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.tensorbridge.cli.CommandSyntax.Option;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.model.ControlNetPart;
import io.tensorbridge.quantize.model.ModelTensor;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Lists what a model file holds. */
final class InspectCommand implements Command {
  private static final int LONGEST_VALUE = 100;

  @Override
  public CommandSyntax syntax() {
    return CommandSyntax.of(
        "inspect",
        "List the tensors and metadata of a model file.",
        "Lists the tensors (name, dtype or scheme, shape, bytes) and the metadata of a model"
            + " file, after checking every rule of its format.")
        .positional("FILE", "The model file.")
        .option(Option.flag("--json", "Print one JSON document on standard output."))
        .example("tensorbridge inspect model.gguf")
        .example("tensorbridge inspect model.safetensors --json | jq '.tensors[].name'");
  }

  @Override
  public int run(Arguments arguments, Console console) {
    Path file = arguments.path(0);
    try (TensorFile open = TensorFileFormats.ofServices().forPath(file).open(file)) {
      List<ModelTensor> tensors = ModelTensor.of(open);
      if (arguments.flag("--json")) {
        JsonDocument.print(console.out(), json -> write(json, file, open, tensors));
      } else {
        print(console.out(), open, tensors);
      }
    }
    return ExitCode.DONE;
  }

  private static void print(PrintWriter out, TensorFile open, List<ModelTensor> tensors) {
    boolean controlNet = isControlNet(tensors);
    TextTable table =
        controlNet
            ? new TextTable("tensor", "encoding", "shape", ">bytes", "role")
            : new TextTable("tensor", "encoding", "shape", ">bytes");
    long bytes = 0;
    long elements = 0;
    for (ModelTensor tensor : tensors) {
      List<String> cells =
          new ArrayList<>(
              List.of(
                  tensor.name(),
                  tensor.encoding(),
                  tensor.shape().toString(),
                  Long.toString(tensor.byteLength())));
      if (controlNet) {
        cells.add(ControlNetPart.of(tensor.name()).map(ControlNetPart::toString).orElse(""));
      }
      table.add(cells.toArray(String[]::new));
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
    if (controlNet) {
      out.println("a ControlNet: what has a role is kept as it is when the rest is quantized");
    }
    out.println(
        tensors.size() + " tensors, " + elements + " elements, " + ByteSize.text(bytes));
    out.flush();
  }

  private static boolean isControlNet(List<ModelTensor> tensors) {
    return ControlNetPart.recognisedIn(tensors.stream().map(ModelTensor::name).toList());
  }

  private static void write(
      JsonGenerator generator, Path file, TensorFile open, List<ModelTensor> tensors)
      throws IOException {
    generator.writeStringField("file", file.toString());
    boolean controlNet = isControlNet(tensors);
    generator.writeArrayFieldStart("tensors");
    for (ModelTensor tensor : tensors) {
      generator.writeStartObject();
      generator.writeStringField("name", tensor.name());
      generator.writeStringField(
          tensor.dtype().isPresent() ? "dtype" : "scheme", tensor.encoding());
      JsonDocument.writeShape(generator, tensor.shape());
      generator.writeNumberField("bytes", tensor.byteLength());
      Optional<ControlNetPart> part = ControlNetPart.of(tensor.name());
      if (controlNet && part.isPresent()) {
        generator.writeStringField("role", part.get().toString());
      }
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
