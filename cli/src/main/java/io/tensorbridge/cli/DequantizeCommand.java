package io.tensorbridge.cli;

import io.tensorbridge.cli.CommandSyntax.Option;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.model.ConversionResult;
import io.tensorbridge.quantize.model.ModelConversion;
import java.nio.file.Path;

/** Turns quantized tensors into float32. */
final class DequantizeCommand implements Command {
  @Override
  public CommandSyntax syntax() {
    CommandSyntax syntax =
        CommandSyntax.of(
            "dequantize",
            "Turn quantized tensors into float32.",
            "Turns the quantized tensors of a model file into float32, in their original"
                + " shapes; plain tensors are copied as they are.")
            .positional("IN", "The quantized model.")
            .option(new Option("--output", "-o", "OUT", "The new file, its format by the ending;"
                + " required."));
    return WorkOptions.addTo(syntax)
        .example("tensorbridge dequantize model.q8_0.gguf -o restored.safetensors");
  }

  @Override
  public int run(Arguments arguments, Console console) {
    WorkOptions work = WorkOptions.of(arguments);
    Path input = arguments.path(0);
    Path output =
        arguments
            .pathValue("--output")
            .orElseThrow(() -> new UsageException("missing -o OUT.safetensors"));
    long started = System.nanoTime();
    ConversionResult result;
    try (ModelConversion conversion =
        ModelConversion.dequantize(TensorFileFormats.ofServices(), input, output)) {
      result = ConversionWork.run(conversion, "dequantize", work, console);
    }
    double seconds = (System.nanoTime() - started) / 1e9;
    new ConversionReport(input, output, "f32", result, seconds).print(work, console);
    return ExitCode.DONE;
  }
}
