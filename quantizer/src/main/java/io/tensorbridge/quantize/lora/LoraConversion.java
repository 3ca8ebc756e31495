package io.tensorbridge.quantize.lora;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.file.TensorFileWriter;
import io.tensorbridge.quantize.FloatScheme;
import io.tensorbridge.quantize.QuantizedTensor;
import io.tensorbridge.quantize.Quantizer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Writes an adapter as kohya or as PEFT names it, or as a table of modules; the values stay what they
 * are.
 *
 * <p>PEFT has no middle factors, so that these are multiplied into the right ones. An adapter of one
 * component becomes that of one model, {@code base_model.model.}, with an {@code
 * adapter_config.json} beside it; one of several gets the names of a diffusers pipeline, {@code
 * unet.}, {@code text_encoder.}, and each module an {@code alpha}. A table, {@code *.lora.arrow}, has
 * one alpha for all modules and nothing but two factors of each.
 */
public final class LoraConversion {
  private final Path target;
  private final FlatNames names;
  private final Map<String, String> metadata = new LinkedHashMap<>();
  private final List<TensorEntry> entries = new ArrayList<>();
  private final List<Tensor> values = new ArrayList<>();

  private LoraConversion(Path target, Map<String, Shape> base) {
    this.target = target;
    this.names = new FlatNames(base);
  }

  /**
   * Writes an adapter.
   *
   * @param formats the known formats
   * @param adapter the adapter
   * @param target the new file; its ending chooses the container
   * @param to how the tensors are to be named
   * @param base the shapes of a base model's tensors, which tell where kohya's names had dots; may
   *     be empty for UNets and text encoders of Stable Diffusion
   * @throws OptionException if the ending of the target is that of another format
   * @throws TensorException if nothing tells the dots of a name
   * @throws FormatException if the disk refuses, another adapter's config is in the way, or the
   *     format can't hold a module; the message names it
   */
  public static void write(
      TensorFileFormats formats,
      LoraAdapter adapter,
      Path target,
      LoraFormat to,
      Map<String, Shape> base) {
    to.requireEnding(target);
    LoraConversion conversion = new LoraConversion(target, base);
    Optional<byte[]> config = conversion.convert(adapter, to);
    Path configPath = target.resolveSibling(AdapterConfig.FILE);
    config.ifPresent(json -> requireFree(configPath, json));
    try (TensorFileWriter writer =
        formats.forPath(target).create(target, conversion.entries, conversion.metadata)) {
      for (int i = 0; i < conversion.values.size(); i++) {
        Tensor tensor = conversion.values.get(i);
        writer.write(i, 0, tensor.segment().asSlice(0, tensor.byteLength()));
      }
      writer.commit();
    }
    config.ifPresent(json -> writeConfig(configPath, json));
  }

  private static void requireFree(Path path, byte[] json) {
    try {
      if (Files.exists(path) && !Arrays.equals(Files.readAllBytes(path), json)) {
        throw new FormatException(
            path + ": is there already, of another adapter; write to a directory of its own",
            -1,
            "one config in a directory");
      }
    } catch (IOException unreadable) {
      throw failure(path, unreadable);
    }
  }

  private static void writeConfig(Path path, byte[] json) {
    try {
      Files.write(path, json);
    } catch (IOException refused) {
      throw failure(path, refused);
    }
  }

  private static FormatException failure(Path path, IOException cause) {
    return new FormatException(
        ErrorCode.FILE_IO, path + ": " + cause.getMessage(), -1, "", cause);
  }

  /** Collects the tensors; returns the config that lies beside them, if there is one. */
  private Optional<byte[]> convert(LoraAdapter adapter, LoraFormat to) {
    return switch (to) {
      case KOHYA -> {
        adapter.modules().forEach(this::addAsKohya);
        yield Optional.empty();
      }
      case PEFT -> {
        Map<LoraModule, ModuleName> dotted = dotted(adapter);
        boolean pipeline = isPipeline(dotted);
        dotted.forEach((module, name) -> addAsPeft(module, name, pipeline));
        metadata.put("format", "pt");
        yield pipeline ? Optional.empty() : Optional.of(PeftAlphas.config(dotted));
      }
      case ARROW -> {
        TableNames table = new TableNames(target);
        Map<LoraModule, ModuleName> dotted = dotted(adapter);
        boolean pipeline = isPipeline(dotted);
        dotted.forEach((module, name) -> {
          table.requireHeld(module);
          addFactors(module, TableNames.row(name, pipeline));
        });
        metadata.putAll(table.metadata(dotted));
        yield Optional.empty();
      }
    };
  }

  private Map<LoraModule, ModuleName> dotted(LoraAdapter adapter) {
    Map<LoraModule, ModuleName> dotted = new LinkedHashMap<>();
    adapter.modules().forEach(module -> dotted.put(module, dotted(module)));
    return dotted;
  }

  private static boolean isPipeline(Map<LoraModule, ModuleName> modules) {
    return modules.values().stream().map(ModuleName::component).distinct().count() > 1;
  }

  private ModuleName dotted(LoraModule module) {
    return names
        .dotted(ModuleName.ofModule(module.name()))
        .orElseThrow(() -> new TensorException(
            ErrorCode.BAD_SHAPE,
            module.name(),
            -1,
            "nothing tells where dots were in this name; give the model that has the layer, by"
                + " --base",
            null));
  }

  private void addAsKohya(LoraModule module) {
    String name = ModuleName.ofModule(module.name()).kohya();
    add(name + ".lora_down.weight", module.down(), module.dtype());
    module.mid().ifPresent(mid -> add(name + ".lora_mid.weight", mid, module.dtype()));
    add(name + ".lora_up.weight", module.up(), module.dtype());
    addAlpha(name + ".alpha", module);
    module.magnitude().ifPresent(
        magnitude -> {
          long[] column = new long[module.up().shape().rank()];
          Arrays.fill(column, 1);
          column[0] = module.rows();
          add(name + ".dora_scale", magnitude.reshape(Shape.of(column)), module.dtype());
        });
  }

  private void addAsPeft(LoraModule module, ModuleName layer, boolean pipeline) {
    String name = pipeline ? layer.ofPipeline() : layer.ofModel();
    addFactors(module, name);
    if (pipeline) {
      addAlpha(name + ".alpha", module);
    }
    boolean convolution = module.up().shape().rank() > 2;
    module.magnitude().ifPresent(
        magnitude -> add(
            name + ".lora_magnitude_vector",
            magnitude.reshape(
                convolution ? Shape.of(1, module.rows(), 1, 1) : Shape.of(module.rows())),
            module.dtype()));
  }

  private void addFactors(LoraModule module, String name) {
    add(name + ".lora_A.weight", module.foldedDown(), module.dtype());
    add(name + ".lora_B.weight", module.up(), module.dtype());
  }

  private void addAlpha(String name, LoraModule module) {
    MemorySegment memory = Arena.ofAuto().allocate(Float.BYTES);
    memory.set(ValueLayout.JAVA_FLOAT, 0, (float) PeftAlphas.plainAlpha(module));
    add(name, Tensor.of(memory, DType.F32, Shape.of()), DType.F32);
  }

  private void add(String name, Tensor tensor, DType dtype) {
    Tensor stored = switch (dtype) {
      case F16 -> rounded(FloatScheme.F16, dtype, tensor);
      case BF16 -> rounded(FloatScheme.BF16, dtype, tensor);
      default -> tensor;
    };
    entries.add(TensorEntry.of(name, new TensorType(stored.dtype(), tensor.shape())));
    values.add(stored);
  }

  private static Tensor rounded(FloatScheme scheme, DType dtype, Tensor tensor) {
    try (QuantizedTensor result = Quantizer.of(scheme).quantize(tensor)) {
      MemorySegment from = result.data().segment();
      MemorySegment memory = Arena.ofAuto().allocate(from.byteSize(), Long.BYTES).copyFrom(from);
      return Tensor.of(memory, dtype, tensor.shape());
    }
  }
}
