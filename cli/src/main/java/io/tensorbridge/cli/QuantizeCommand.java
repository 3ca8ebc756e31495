package io.tensorbridge.cli;

import io.tensorbridge.BridgeException;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.NonFinite;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.model.ConversionOptions;
import io.tensorbridge.quantize.model.ConversionResult;
import io.tensorbridge.quantize.model.ModelComparison;
import io.tensorbridge.quantize.model.ModelConversion;
import io.tensorbridge.quantize.model.SchemeOverride;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Quantizes a model file. */
@Command(
    name = "quantize",
    sortOptions = false,
    description = {
      "Quantizes a model file.",
      "",
      "Tensors of one dimension stay f32. A row that doesn't divide into the scheme's blocks gets "
          + "llama.cpp's fallback; a row is the last dimension, or in*kh*kw of a convolution. "
          + "Both are reported. The output appears whole or not at all.",
      ""
    })
final class QuantizeCommand implements Callable<Integer> {
  private static final String[] EXAMPLES = {
    "Examples:",
    "  tensorbridge quantize model.safetensors",
    "  tensorbridge quantize model.safetensors.index.json -o small.gguf --scheme q4_0 \\",
    "      --override '.*\\.(k|v)_proj\\.weight=q8_0' --override 'lm_head\\..*=f16'",
    "  tensorbridge quantize model.safetensors --scheme uniform:bits=4,group=128 --report q.html",
  };

  @Spec private CommandSpec spec;
  @Mixin private WorkOptions work;

  @Parameters(
      paramLabel = "IN",
      description = "The model: .safetensors, .safetensors.index.json, .gguf, .npz, .arrow.")
  private Path input;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "OUT",
      description = "The new file, its format by the ending; by default beside IN.")
  private @Nullable Path output;

  @Option(
      names = "--scheme",
      paramLabel = "SCHEME",
      defaultValue = "q8_0",
      description = "One of the schemes below; default ${DEFAULT-VALUE}.")
  private String scheme = "";

  @Option(
      names = "--override",
      paramLabel = "REGEX=SCHEME",
      description =
          "Another scheme for the tensors whose whole name matches; the first that matches "
              + "decides. May be repeated.")
  private List<String> overrides = new ArrayList<>();

  @Option(
      names = "--nonfinite",
      paramLabel = "error|clip",
      defaultValue = "error",
      description = "What to do with NaN and infinities; default ${DEFAULT-VALUE}.")
  private String nonFinite = "";

  @Option(
      names = "--continue-on-error",
      description = "Leave tensors out that fail, and go on; the exit code is 1 all the same.")
  private boolean continueOnError;

  @Option(
      names = "--report",
      paramLabel = "FILE.html",
      description = "Compare the result with IN and write a page of figures.")
  private @Nullable Path report;

  /** The command with its examples and the table of schemes, which are made when asked for. */
  static void completeHelp(CommandLine commandLine) {
    String footer = CommandLine.Model.UsageMessageSpec.SECTION_KEY_FOOTER;
    commandLine
        .getHelpSectionMap()
        .put(
            footer,
            help ->
                System.lineSeparator()
                    + String.join(System.lineSeparator(), EXAMPLES)
                    + System.lineSeparator()
                    + new SchemeTable().render(help));
  }

  @Override
  public Integer call() {
    TensorFileFormats formats = TensorFileFormats.ofServices();
    ConversionOptions options =
        new ConversionOptions(
            QuantScheme.parse(scheme),
            overrides.stream().map(SchemeOverride::parse).toList(),
            NonFinite.parse(nonFinite),
            continueOnError);
    Path target = output == null ? OutputName.of(formats, input, options.scheme()) : output;
    int threads = work.threads();
    long started = System.nanoTime();
    ConversionResult result = convert(formats, target, options, threads);
    double seconds = (System.nanoTime() - started) / 1e9;
    ConversionReport figures = new ConversionReport(input, target, scheme, result, seconds);
    if (report != null) {
      new HtmlReport(figures, compare(formats, target, threads)).write(report);
    }
    if (work.json()) {
      JsonDocument.print(work.out(), figures::writeJson);
    } else if (work.prints()) {
      figures.print(work.out());
    }
    result.failures().values().forEach(this::printFailure);
    return result.failures().isEmpty() ? ExitCode.OK : ExitCode.SOFTWARE;
  }

  private ConversionResult convert(
      TensorFileFormats formats, Path target, ConversionOptions options, int threads) {
    ModelConversion conversion = ModelConversion.quantize(formats, input, target, options);
    try (Interruption _ = new Interruption(conversion::cancel);
        conversion;
        ProgressBar bar = work.progressBar("quantize")) {
      return conversion.run(threads, bar::update);
    }
  }

  private ModelComparison compare(TensorFileFormats formats, Path target, int threads) {
    try (TensorFile original = formats.forPath(input).open(input);
        TensorFile quantized = formats.forPath(target).open(target);
        ProgressBar bar = work.progressBar("compare")) {
      return ModelComparison.of(original, quantized, threads, bar::update);
    }
  }

  private void printFailure(BridgeException failure) {
    spec.commandLine().getErr().println("tensorbridge: left out: " + failure.getMessage());
  }
}
