package io.tensorbridge.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.quantize.extract.ControlLora;
import io.tensorbridge.quantize.extract.ExtractedLayer;
import io.tensorbridge.quantize.extract.ExtractionProgress;
import io.tensorbridge.quantize.extract.LoraExtraction;
import io.tensorbridge.quantize.extract.RankLimit;
import io.tensorbridge.quantize.lora.LoraConversion;
import io.tensorbridge.quantize.lora.LoraFormat;
import io.tensorbridge.quantize.model.ModelTensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/** Makes an adapter of the difference of two models: {@code lora extract BASE TUNED}. */
final class LoraExtract {
  static final String RANK = "--rank";
  static final String ENERGY = "--energy";
  static final String DTYPE = "--dtype";
  static final String FORMAT = "--format";
  static final String CONTROL = "--control";
  static final String THREADS = "--threads";
  static final int DEFAULT_RANK = 16;

  private final TensorFileFormats formats;
  private final Arguments arguments;
  private final Console console;
  private final Path target;
  private final RankLimit limit;
  private final DType dtype;

  LoraExtract(TensorFileFormats formats, Arguments arguments, Console console) {
    this.formats = formats;
    this.arguments = arguments;
    this.console = console;
    this.target =
        arguments
            .pathValue("--output")
            .orElseThrow(() -> new UsageException("extract needs -o OUT"));
    this.limit = limit(arguments);
    this.dtype = dtype(arguments.value(DTYPE).orElse("f16"));
  }

  private static RankLimit limit(Arguments arguments) {
    Optional<Double> energy = arguments.decimal(ENERGY);
    int rank =
        arguments.number(RANK, 1, energy.isPresent() ? RankLimit.DEFAULT_MAX_RANK : DEFAULT_RANK);
    return new RankLimit(rank, energy.orElse(1.0));
  }

  private static DType dtype(String text) {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "f16", "float16" -> DType.F16;
      case "bf16", "bfloat16" -> DType.BF16;
      case "f32", "float32" -> DType.F32;
      default ->
          throw new UsageException(DTYPE + " is \"" + text + "\"; take f16, bf16 or f32");
    };
  }

  int run() {
    Path base = arguments.path(1);
    Path tuned = arguments.path(2);
    for (Path input : List.of(base, tuned)) {
      if (target.toAbsolutePath().normalize().equals(input.toAbsolutePath().normalize())) {
        throw new UsageException(target + " is an input; write to another file");
      }
    }
    AtomicBoolean cancelled = new AtomicBoolean();
    try (Interruption _ = new Interruption(() -> cancelled.set(true));
        ProgressBar bar =
            new ProgressBar(console.err(), "extract", ProgressBar.Style.BAR);
        TensorFile old = formats.forPath(base).open(base);
        TensorFile open = formats.forPath(tuned).open(tuned)) {
      ExtractionProgress progress = progress(bar, cancelled);
      if (arguments.flag(CONTROL)) {
        extractControl(old, open, progress);
      } else {
        extract(old, open, progress);
      }
    }
    return ExitCode.DONE;
  }

  private static ExtractionProgress progress(ProgressBar bar, AtomicBoolean cancelled) {
    return new ExtractionProgress() {
      @Override
      public void progressed(long doneBytes, long totalBytes) {
        bar.update(doneBytes, totalBytes);
      }

      @Override
      public boolean cancelled() {
        return cancelled.get();
      }
    };
  }

  private int threads() {
    return arguments.number(THREADS, 1, Runtime.getRuntime().availableProcessors());
  }

  private void extract(TensorFile base, TensorFile tuned, ExtractionProgress progress) {
    LoraFormat format =
        arguments
            .value(FORMAT)
            .map(LoraFormat::parse)
            .or(() -> LoraFormat.ofEnding(target))
            .orElse(LoraFormat.KOHYA);
    format.requireEnding(target);
    LoraExtraction found =
        LoraExtraction.of(base, tuned, limit, dtype, threads(), progress);
    Map<String, Shape> shapes = new LinkedHashMap<>();
    ModelTensor.of(base).forEach(tensor -> shapes.put(tensor.name(), tensor.shape()));
    LoraConversion.write(formats, found.adapter(), target, format, shapes);
    print(
        found.layers(),
        found.unchanged(),
        json -> {
          json.writeStringField("format", format.toString());
          JsonDocument.writeStrings(json, "without_factors", found.withoutFactors());
          JsonDocument.writeStrings(json, "missing", found.missing());
        },
        found.layers().size() + " modules (" + format + "), " + found.unchanged()
            + " layers don't differ");
    warn(found.withoutFactors(), "differ, and a LoRA can't hold them");
    warn(found.missing(), "are in one of the models only");
  }

  private void warn(List<String> names, String what) {
    if (!names.isEmpty()) {
      console.err().println(
          "tensorbridge lora: warning: " + names.size() + " tensors " + what + ", as "
              + names.getFirst());
      console.err().flush();
    }
  }

  private void extractControl(TensorFile unet, TensorFile control, ExtractionProgress progress) {
    if (arguments.value(FORMAT).isPresent()) {
      throw new UsageException(FORMAT + " is for adapters; a Control-LoRA has one format");
    }
    ControlLora found = ControlLora.of(unet, control, limit, dtype, threads(), progress);
    found.write(formats, target);
    print(
        found.layers(),
        found.unchanged(),
        json -> {
          json.writeStringField("format", "control-lora");
          json.writeNumberField("whole", found.wholeCount());
        },
        found.layers().size() + " layers of low rank, " + found.wholeCount()
            + " tensors stored whole, " + found.unchanged() + " layers as in the UNet");
  }

  private void print(List<ExtractedLayer> layers, int unchanged, JsonDocument.Body fields,
      String summary) {
    if (arguments.flag("--json")) {
      JsonDocument.print(console.out(), json -> {
        json.writeStringField("output", target.toString());
        json.writeNumberField("unchanged", unchanged);
        fields.write(json);
        json.writeArrayFieldStart("layers");
        for (ExtractedLayer layer : layers) {
          write(json, layer);
        }
        json.writeEndArray();
      });
      return;
    }
    TextTable table = new TextTable("tensor", "shape", ">rank", ">norm", ">energy", ">error");
    for (ExtractedLayer layer : layers) {
      table.add(
          layer.tensor(),
          layer.shape().toString(),
          Integer.toString(layer.rank()),
          String.format(Locale.ROOT, "%.4g", layer.norm()),
          String.format(Locale.ROOT, "%.4f", layer.energy()),
          String.format(Locale.ROOT, "%.2g", layer.error()));
    }
    table.print(console.out());
    console.out().println(target + ": " + summary);
    console.out().flush();
  }

  private static void write(JsonGenerator json, ExtractedLayer layer) throws IOException {
    json.writeStartObject();
    json.writeStringField("tensor", layer.tensor());
    JsonDocument.writeShape(json, layer.shape());
    json.writeNumberField("rank", layer.rank());
    json.writeNumberField("norm", layer.norm());
    json.writeNumberField("energy", layer.energy());
    json.writeNumberField("error", layer.error());
    json.writeEndObject();
  }
}
