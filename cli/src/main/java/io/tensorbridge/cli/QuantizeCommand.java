package io.tensorbridge.cli;

import io.tensorbridge.BridgeException;
import io.tensorbridge.cli.CommandSyntax.Option;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.NonFinite;
import io.tensorbridge.quantize.lora.LoraSelection;
import io.tensorbridge.quantize.lora.ScaledAdapter;
import io.tensorbridge.quantize.model.Calibration;
import io.tensorbridge.quantize.model.ConversionOptions;
import io.tensorbridge.quantize.model.ConversionResult;
import io.tensorbridge.quantize.model.KeepingPolicy;
import io.tensorbridge.quantize.model.ModelConversion;
import io.tensorbridge.quantize.model.SchemeOverride;
import io.tensorbridge.quantize.model.SkipList;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Quantizes a model file. */
final class QuantizeCommand implements Command {
  private static final String DEFAULT_SCHEME = "q8_0";

  @Override
  public CommandSyntax syntax() {
    CommandSyntax syntax =
        CommandSyntax.of(
            "quantize",
            "Quantize a model file.",
            "Quantizes a model file. Tensors of one dimension stay f32; a row that doesn't"
                + " divide into the scheme's blocks gets llama.cpp's fallback, where a row is"
                + " the last dimension, or in*kh*kw of a convolution. Both are reported. The"
                + " output appears whole or not at all.")
            .positional("IN", "The model: .safetensors, .safetensors.index.json, .gguf, .npz,"
                + " .arrow.")
            .option(new Option("--output", "-o", "OUT", "The new file, its format by the ending;"
                + " by default beside IN, with the scheme in its name."))
            .option(Option.value("--scheme", "SCHEME", "One of those below; default "
                + DEFAULT_SCHEME + "."))
            .option(Option.value("--override", "REGEX=SCHEME", "Another scheme for the tensors"
                + " whose whole name matches; the first that matches decides. May be repeated."))
            .option(Option.value("--skip", "REGEX", "Keep the tensors whose whole name matches as"
                + " they are, unless an override matches. May be repeated."))
            .option(Option.value("--lora", "FILE[:SCALE]", "Merge a LoRA adapter into the weights,"
                + " in float32 before they are quantized; of kohya's names or PEFT's. May be"
                + " repeated; see docs/lora.md."))
            .option(Option.flag("--allow-unmatched", "Leave out the modules of adapters that fit no"
                + " tensor, instead of refusing the adapter."))
            .option(Option.flag("--no-default-skips", "Quantize also what is kept by default:"
                + " what llama.cpp keeps (norms, small routers, position embeddings), and"
                + " outside ggml types embeddings and heads; see docs/files.md."))
            .option(Option.value("--policy", "none|controlnet|auto",
                "Keep what the kind of model is"
                    + " sensitive in, unless an override matches: of a ControlNet the zero"
                    + " convolutions, the hint block, and time and label embeddings, in their own"
                    + " dtype. auto (the default) goes by the names of tensors; see"
                    + " docs/controlnet.md."))
            .option(Option.value("--metadata", "KEY=VALUE",
                "Adds to the metadata of IN, or replaces"
                    + " them; in GGUF true, false and numbers become such. May be repeated."))
            .option(Option.value("--max-shard-size", "SIZE",
                "Of a .safetensors.index.json: the most"
                    + " that the tensors of a file take, for example 2GiB; default 5 GB."))
            .option(Option.value("--calibration", "FILE", "What activations tell of the columns of"
                + " each tensor: an importance matrix of llama.cpp (GGUF) for the K types and"
                + " iq4_nl, or .safetensors or .npz of a float32 vector for each tensor's name:"
                + " importances, or for uniform:spatial=true the greatest magnitudes, for"
                + " uniform:time=N the timestep of each row."))
            .option(Option.value("--imatrix", "FILE", "The same, as llama-quantize calls it."))
            .option(Option.value("--nonfinite", "error|clip", "What to do with NaN and"
                + " infinities; default error."));
    return GateOptions.addTo(WorkOptions.addTo(syntax))
        .option(Option.flag("--continue-on-error", "Leave out tensors that fail, and go on; the"
            + " exit code is 1 all the same."))
        .option(Option.flag("--quality", "Measure each tensor while it is quantized, and print the"
            + " figures."))
        .option(Option.value("--report", "FILE.html", "Measure, and write a page of figures."))
        .example("tensorbridge quantize model.safetensors")
        .example(
            "tensorbridge quantize model.safetensors.index.json -o small.gguf --scheme q4_0 \\")
        .example("    --override '.*\\.(k|v)_proj\\.weight=q8_0' --override 'lm_head\\..*=f16'")
        .example("tensorbridge quantize model.safetensors --scheme uniform:bits=4,group=128 \\")
        .example("    --report quality.html")
        .example("tensorbridge quantize model.safetensors --scheme q4_0 --min-cosine 0.995 \\")
        .example("    --ladder q4_0,q5_1,q8_0")
        .example("tensorbridge quantize model.safetensors --profile local")
        .example("tensorbridge quantize unet.safetensors --lora style.safetensors:0.8")
        .appendix(() -> GateOptions.profileTable() + SchemeTable.text());
  }

  @Override
  public int run(Arguments arguments, Console console) {
    WorkOptions work = WorkOptions.of(arguments);
    ConversionOptions options = conversionOptions(arguments);
    Optional<Path> report = arguments.pathValue("--report");
    Path input = arguments.path(0);
    TensorFileFormats formats = TensorFileFormats.ofServices();
    Path target =
        arguments
            .pathValue("--output")
            .orElseGet(() -> OutputName.of(formats, input, options.scheme()));
    long started = System.nanoTime();
    ConversionResult result;
    try (ModelConversion conversion =
        ModelConversion.quantize(formats, input, target, options)) {
      prepare(conversion, arguments);
      result = ConversionWork.run(conversion, "quantize", work, console);
    }
    double seconds = (System.nanoTime() - started) / 1e9;
    ConversionReport figures =
        new ConversionReport(input, target, options.scheme().toString(), result, seconds);
    if (report.isPresent()) {
      new HtmlReport(figures).write(report.get());
    }
    figures.print(work, console);
    for (BridgeException failure : result.failures().values()) {
      console.err().println("tensorbridge quantize: left out: " + failure.getMessage());
    }
    return result.failures().isEmpty() ? ExitCode.DONE : ExitCode.FAILED;
  }

  private static void prepare(ModelConversion conversion, Arguments arguments) {
    for (String text : arguments.values("--metadata")) {
      int equals = text.indexOf('=');
      if (equals <= 0) {
        throw new UsageException("--metadata is \"" + text + "\"; it takes KEY=VALUE");
      }
      conversion.putMetadata(text.substring(0, equals), text.substring(equals + 1));
    }
    arguments
        .value("--max-shard-size")
        .ifPresent(
            size -> conversion.limitShards(Math.max(1, ByteSize.parse("--max-shard-size", size))));
  }

  private static LoraSelection lora(Arguments arguments) {
    TensorFileFormats formats = TensorFileFormats.ofServices();
    List<ScaledAdapter> adapters = new ArrayList<>();
    for (String text : arguments.values("--lora")) {
      adapters.add(LoraArgument.read(formats, text));
    }
    return new LoraSelection(adapters, arguments.flag("--allow-unmatched"));
  }

  private static ConversionOptions conversionOptions(Arguments arguments) {
    List<SchemeOverride> overrides = new ArrayList<>();
    for (String override : arguments.values("--override")) {
      overrides.add(SchemeOverride.parse(override));
    }
    GateOptions gate = GateOptions.of(arguments);
    Calibration calibration =
        arguments
            .pathValue("--calibration")
            .or(() -> arguments.pathValue("--imatrix"))
            .map(path -> Calibration.read(TensorFileFormats.ofServices(), path))
            .orElse(Calibration.NONE);
    ConversionOptions options =
        new ConversionOptions(
            gate.scheme(DEFAULT_SCHEME),
            overrides,
            NonFinite.parse(arguments.value("--nonfinite").orElse("error")),
            arguments.flag("--continue-on-error"))
            .withSkips(
                SkipList.of(arguments.values("--skip"), !arguments.flag("--no-default-skips")))
            .withCalibration(calibration)
            .withLora(lora(arguments))
            .withPolicy(KeepingPolicy.parse(arguments.value("--policy").orElse("auto")));
    boolean measured = arguments.flag("--quality") || arguments.value("--report").isPresent();
    ConversionOptions gated = gate.gate().map(options::withGate).orElse(options);
    return measured ? gated.withMeasuring() : gated;
  }
}
