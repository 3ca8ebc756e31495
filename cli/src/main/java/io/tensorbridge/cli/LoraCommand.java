package io.tensorbridge.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.tensorbridge.Shape;
import io.tensorbridge.cli.CommandSyntax.Option;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.lora.LoraAdapter;
import io.tensorbridge.quantize.lora.LoraConversion;
import io.tensorbridge.quantize.lora.LoraFormat;
import io.tensorbridge.quantize.lora.LoraMatch;
import io.tensorbridge.quantize.lora.LoraModule;
import io.tensorbridge.quantize.model.ModelTensor;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Lists what an adapter holds, or writes it otherwise. */
final class LoraCommand implements Command {
  private static final String BASE = "--base";

  @Override
  public CommandSyntax syntax() {
    return CommandSyntax.of(
        "lora",
        "List the modules of a LoRA adapter, convert it, or extract one from two models.",
        "Lists the modules of a LoRA adapter (rank, alpha, shape, and with --base the tensor that"
            + " each one changes), converts it between kohya's names, PEFT's and tables of modules"
            + " (.lora.arrow), or extracts one from a model and what training made of it, by a"
            + " truncated SVD of each layer's difference. To merge adapters into a model:"
            + " tensorbridge quantize IN --lora FILE:SCALE.")
        .positional("inspect|convert|extract", "What to do.")
        .positional("FILE",
            "The adapter, as kohya's tools or PEFT write it, or .lora.arrow. extract: the model"
                + " before training.")
        .optionalPositional("TUNED", "extract: the model after training; with --control the"
            + " ControlNet.")
        .option(Option.value(BASE, "FILE", "The model that it was made for. inspect: exit code 1 if"
            + " a module fits no tensor. convert: tells where kohya's names had dots, where the"
            + " words of Stable Diffusion don't."))
        .option(new Option("--output", "-o", "OUT", "convert, extract: the new file. For PEFT an"
            + " adapter_config.json comes beside it. NAME.lora.arrow is a table of modules, with one"
            + " alpha for all and without DoRA."))
        .option(Option.value("--to", "kohya|peft|arrow", "convert: how to name the tensors; by"
            + " default as OUT's ending tells (arrow), or as the other does."))
        .option(Option.value(LoraExtract.RANK, "N", "extract: at most so many singular values of"
            + " each layer; default " + LoraExtract.DEFAULT_RANK + "."))
        .option(Option.value(LoraExtract.ENERGY, "SHARE", "extract: as many as hold this share of"
            + " the squared difference, for example 0.99; --rank bounds them, at 128 if it is not"
            + " given."))
        .option(Option.value(LoraExtract.DTYPE, "f16|bf16|f32", "extract: of the file; default"
            + " f16."))
        .option(Option.value(LoraExtract.FORMAT, "kohya|peft|arrow", "extract: how to name the"
            + " tensors; by default as OUT's ending tells (arrow), or kohya."))
        .option(Option.flag(LoraExtract.CONTROL, "extract: FILE is a UNet, TUNED a ControlNet made"
            + " from it; writes a Control-LoRA, as ComfyUI reads it."))
        .option(Option.value(LoraExtract.THREADS, "N", "extract: layers worked on at once, each"
            + " with its difference in memory; by default the processors of this process."))
        .option(Option.flag("--json", "Print one JSON document on standard output."))
        .example("tensorbridge lora inspect style.safetensors --base model.safetensors")
        .example("tensorbridge lora convert style.safetensors -o peft/adapter_model.safetensors")
        .example("tensorbridge lora convert style.safetensors -o style.lora.arrow")
        .example("tensorbridge lora extract base.safetensors tuned.safetensors -o lora.safetensors")
        .example("tensorbridge lora extract --control unet.safetensors controlnet.safetensors \\")
        .example("    -o control-lora.safetensors --rank 64");
  }

  @Override
  public int run(Arguments arguments, Console console) {
    TensorFileFormats formats = TensorFileFormats.ofServices();
    String action = arguments.text(0);
    boolean extracts = action.equals("extract");
    if (arguments.has(2) != extracts) {
      throw new UsageException(
          extracts
              ? "extract takes two models, the one before and the one after training"
              : "unexpected \"" + arguments.text(2) + "\"");
    }
    return switch (action) {
      case "inspect" -> inspect(formats, arguments, console);
      case "convert" -> convert(formats, arguments, console);
      case "extract" -> new LoraExtract(formats, arguments, console).run();
      default ->
          throw new UsageException(
              "\"" + action + "\" is unknown; inspect, convert and extract are known");
    };
  }

  private static int inspect(
      TensorFileFormats formats, Arguments arguments, Console console) {
    Path file = arguments.path(1);
    LoraAdapter adapter = LoraAdapter.read(formats, file);
    Optional<Path> base = arguments.pathValue(BASE);
    List<LoraMatch> matches =
        base.map(path -> LoraMatch.of(adapter, shapes(formats, path))).orElse(List.of());
    if (arguments.flag("--json")) {
      JsonDocument.print(console.out(), json -> write(json, adapter, matches));
    } else {
      print(console.out(), adapter, matches);
    }
    boolean whole = matches.stream().allMatch(match -> match.tensor().isPresent());
    return whole ? ExitCode.DONE : ExitCode.FAILED;
  }

  private static Map<String, Shape> shapes(TensorFileFormats formats, Path base) {
    Map<String, Shape> shapes = new LinkedHashMap<>();
    try (TensorFile open = formats.forPath(base).open(base)) {
      ModelTensor.of(open).forEach(tensor -> shapes.put(tensor.name(), tensor.shape()));
    }
    return shapes;
  }

  private static void print(PrintWriter out, LoraAdapter adapter, List<LoraMatch> matches) {
    TextTable table =
        matches.isEmpty()
            ? new TextTable("module", ">rank", ">alpha", "shape", "kind")
            : new TextTable("module", ">rank", ">alpha", "shape", "kind", "tensor");
    for (int i = 0; i < adapter.modules().size(); i++) {
      LoraModule module = adapter.modules().get(i);
      String[] cells = {
          module.name(), Integer.toString(module.rank()), number(module.alpha()),
          module.deltaShape().toString(), kind(module), ""};
      if (matches.isEmpty()) {
        table.add(cells[0], cells[1], cells[2], cells[3], cells[4]);
      } else {
        cells[5] = matches.get(i).tensor().orElse("-");
        table.add(cells);
      }
    }
    table.print(out);
    long unmatched = matches.stream().filter(match -> match.tensor().isEmpty()).count();
    for (LoraMatch match : matches) {
      if (match.tensor().isEmpty()) {
        out.println("unmatched: " + match.module().name() + " " + match.reason());
      }
    }
    out.println(
        adapter.modules().size() + " modules (" + adapter.format() + "), "
            + adapter.elementCount() + " elements"
            + (matches.isEmpty() ? "" : ", " + unmatched + " unmatched"));
    out.flush();
  }

  private static String number(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e9
        ? Long.toString((long) value)
        : Double.toString(value);
  }

  private static String kind(LoraModule module) {
    String kind = module.magnitude().isPresent() ? "dora" : "lora";
    return (module.mid().isPresent() ? "locon, mid" : kind)
        + (module.rankStabilized() ? ", rank-stabilized" : "");
  }

  private static void write(JsonGenerator json, LoraAdapter adapter, List<LoraMatch> matches)
      throws IOException {
    json.writeStringField("file", adapter.path().toString());
    json.writeStringField("format", adapter.format().toString());
    json.writeArrayFieldStart("modules");
    for (int i = 0; i < adapter.modules().size(); i++) {
      LoraModule module = adapter.modules().get(i);
      json.writeStartObject();
      json.writeStringField("name", module.name());
      json.writeNumberField("rank", module.rank());
      json.writeNumberField("alpha", module.alpha());
      json.writeStringField("dtype", module.dtype().toString().toLowerCase(Locale.ROOT));
      JsonDocument.writeShape(json, module.deltaShape());
      json.writeBooleanField("mid", module.mid().isPresent());
      json.writeBooleanField("dora", module.magnitude().isPresent());
      json.writeBooleanField("rank_stabilized", module.rankStabilized());
      if (!matches.isEmpty()) {
        LoraMatch match = matches.get(i);
        if (match.tensor().isPresent()) {
          json.writeStringField("tensor", match.tensor().get());
        } else {
          json.writeStringField("unmatched", match.reason());
        }
      }
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private static int convert(
      TensorFileFormats formats, Arguments arguments, Console console) {
    Path file = arguments.path(1);
    Path target =
        arguments
            .pathValue("--output")
            .orElseThrow(() -> new UsageException("convert needs -o OUT"));
    if (target.toAbsolutePath().normalize().equals(file.toAbsolutePath().normalize())) {
      throw new UsageException(target + " is the input; write to another file");
    }
    Map<String, Shape> base =
        arguments.pathValue(BASE).map(path -> shapes(formats, path)).orElse(Map.of());
    LoraAdapter adapter = LoraAdapter.read(formats, file);
    LoraFormat other = switch (adapter.format()) {
      case KOHYA -> LoraFormat.PEFT;
      case PEFT, ARROW -> LoraFormat.KOHYA;
    };
    LoraFormat to =
        arguments
            .value("--to")
            .map(LoraFormat::parse)
            .or(() -> LoraFormat.ofEnding(target))
            .orElse(other);
    LoraConversion.write(formats, adapter, target, to, base);
    if (arguments.flag("--json")) {
      JsonDocument.print(
          console.out(),
          json -> {
            json.writeStringField("input", file.toString());
            json.writeStringField("output", target.toString());
            json.writeStringField("from", adapter.format().toString());
            json.writeStringField("to", to.toString());
            json.writeNumberField("modules", adapter.modules().size());
          });
    } else {
      console.out().println(
          target + ": " + adapter.modules().size() + " modules from " + adapter.format() + " to "
              + to);
      console.out().flush();
    }
    return ExitCode.DONE;
  }
}
