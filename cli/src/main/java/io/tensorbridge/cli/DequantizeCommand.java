package io.tensorbridge.cli;

import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.model.ConversionResult;
import io.tensorbridge.quantize.model.ModelConversion;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Turns quantized tensors into float32. */
@Command(
    name = "dequantize",
    sortOptions = false,
    description = {
      "Turns the quantized tensors of a model file into float32; plain tensors are copied as they "
          + "are, original shapes are restored.",
      ""
    },
    footer = {
      "", "Example:", "  tensorbridge dequantize model.q8_0.gguf -o restored.safetensors"
    })
final class DequantizeCommand implements Callable<Integer> {
  @Mixin private WorkOptions work;

  @Parameters(paramLabel = "IN", description = "The quantized model.")
  private Path input;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "OUT",
      required = true,
      description = "The new file, its format by the ending.")
  private Path output = Path.of("");

  @Override
  public Integer call() {
    TensorFileFormats formats = TensorFileFormats.ofServices();
    int threads = work.threads();
    long started = System.nanoTime();
    ConversionResult result = convert(formats, threads);
    double seconds = (System.nanoTime() - started) / 1e9;
    ConversionReport figures = new ConversionReport(input, output, "f32", result, seconds);
    if (work.json()) {
      JsonDocument.print(work.out(), figures::writeJson);
    } else if (work.prints()) {
      figures.print(work.out());
    }
    return ExitCode.OK;
  }

  private ConversionResult convert(TensorFileFormats formats, int threads) {
    ModelConversion conversion = ModelConversion.dequantize(formats, input, output);
    try (Interruption _ = new Interruption(conversion::cancel);
        conversion;
        ProgressBar bar = work.progressBar("dequantize")) {
      return conversion.run(threads, bar::update);
    }
  }
}
