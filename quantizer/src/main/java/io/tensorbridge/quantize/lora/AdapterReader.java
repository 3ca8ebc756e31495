package io.tensorbridge.quantize.lora;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.quantize.FloatSource;
import io.tensorbridge.quantize.lora.LoraPart.Naming;
import io.tensorbridge.quantize.lora.LoraPart.Role;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Sorts the tensors of a file into modules, and reads them. */
final class AdapterReader {
  private static final int PIECE_ELEMENTS = 64 << 10;

  private final Path path;
  private final TensorFile file;
  private final Supplier<Optional<AdapterConfig>> beside;
  private final Map<String, Map<Role, TensorEntry>> modules = new LinkedHashMap<>();
  private final ModuleCheck check;
  private Naming naming = Naming.EITHER;

  /**
   * A reader.
   *
   * @param config gives what lies beside the file, once it is known to be PEFT's
   */
  AdapterReader(Path path, TensorFile file, Supplier<Optional<AdapterConfig>> config) {
    this.path = path;
    this.file = file;
    this.beside = config;
    this.check = new ModuleCheck(path);
  }

  LoraAdapter read() {
    file.entries().forEach(this::sort);
    if (naming == Naming.EITHER) {
      throw new FormatException(
          path + " holds no LoRA: no tensor is named lora_down, lora_up, lora_A or lora_B",
          -1,
          "factors of an adapter");
    }
    LoraFormat format =
        naming == Naming.PEFT
            ? LoraFormat.ofEnding(path).orElse(LoraFormat.PEFT)
            : LoraFormat.KOHYA;
    AdapterConfig config = config(format);
    List<LoraModule> read = new ArrayList<>(modules.size());
    Map<String, AdapterConfig> ofComponents = ofComponents(format);
    modules.forEach(
        (name, parts) -> {
          String component = name.substring(0, Math.max(0, name.indexOf('.')));
          read.add(module(name, parts, ofComponents.getOrDefault(component, config)));
        });
    return new LoraAdapter(path, format, read);
  }

  private AdapterConfig config(LoraFormat format) {
    AdapterConfig told = AdapterConfig.ofMetadata(path, file.metadata());
    return switch (format) {
      case KOHYA -> AdapterConfig.NONE;
      case PEFT -> beside.get().orElse(told);
      case ARROW -> told;
    };
  }

  private Map<String, AdapterConfig> ofComponents(LoraFormat format) {
    String text = file.metadata().get(AdapterConfig.PIPELINE_KEY);
    return text == null || format == LoraFormat.KOHYA
        ? Map.of()
        : AdapterConfig.ofPipeline(path, text);
  }

  private void sort(TensorEntry entry) {
    LoraPart part =
        LoraPart.of(entry.name())
            .orElseThrow(
                () -> new FormatException(
                    path + ": the tensor \"" + entry.name() + "\" belongs to no LoRA, LoCon or"
                        + " DoRA; other adapters (LoHa, LoKr, OFT, trained biases) can't be merged",
                    -1,
                    "tensors of LoRA modules"));
    if (part.format() != Naming.EITHER) {
      if (naming != Naming.EITHER && naming != part.format()) {
        throw check.broken(
            part.module(),
            part.format() == Naming.PEFT
                ? "is named as PEFT does where others are named as kohya does"
                : "is named as kohya does where others are named as PEFT does",
            "one way of naming");
      }
      naming = part.format();
    }
    TensorEntry other =
        modules
            .computeIfAbsent(part.module(), _ -> new EnumMap<>(Role.class))
            .put(part.role(), entry);
    if (other != null) {
      throw check.broken(
          part.module(),
          "has \"" + other.name() + "\" and \"" + entry.name() + "\", which are the same part",
          "one tensor for each part");
    }
  }

  private LoraModule module(String name, Map<Role, TensorEntry> parts, AdapterConfig config) {
    TensorEntry downEntry = require(name, parts, Role.DOWN);
    Tensor down = tensor(downEntry);
    Tensor up = tensor(require(name, parts, Role.UP));
    Optional<Tensor> mid = Optional.ofNullable(parts.get(Role.MID)).map(this::tensor);
    Optional<Tensor> magnitude =
        Optional.ofNullable(parts.get(Role.MAGNITUDE)).map(this::tensor);
    String layer = ModuleName.ofModule(name).path();
    double alpha = alpha(name, parts.get(Role.ALPHA))
        .or(() -> config.alphaOf(path, layer))
        .orElse((double) down.shape().dimension(0));
    LoraModule module =
        new LoraModule(
            name, down, up, mid, magnitude, alpha, downEntry.dtype().orElse(DType.F32),
            config.rankStabilized());
    check.require(module, config.rankOf(path, layer), config.dora());
    return module;
  }

  private TensorEntry require(String name, Map<Role, TensorEntry> parts, Role role) {
    TensorEntry entry = parts.get(role);
    if (entry == null) {
      List<String> present = parts.values().stream().map(TensorEntry::name).toList();
      throw check.broken(
          name,
          "has " + String.join(", ", present) + " but not the "
              + (role == Role.DOWN ? "down (A)" : "up (B)") + " half",
          "both halves of each module");
    }
    if (entry.shape().rank() < 2 || entry.shape().elementCount() == 0) {
      throw check.broken(
          name, "has \"" + entry.name() + "\" of the shape " + entry.shape(),
          "factors of two or four dimensions");
    }
    return entry;
  }

  private Optional<Double> alpha(String name, @Nullable TensorEntry entry) {
    if (entry == null) {
      return Optional.empty();
    }
    if (entry.shape().elementCount() != 1) {
      throw check.broken(name, "has an alpha of the shape " + entry.shape(), "one alpha");
    }
    return Optional.of((double) tensor(entry).segment().get(ValueLayout.JAVA_FLOAT, 0));
  }

  /** The values of a tensor, all finite. */
  private Tensor tensor(TensorEntry entry) {
    DType dtype = entry.dtype().orElseThrow(() -> new TensorException(
        ErrorCode.UNSUPPORTED_DTYPE, entry.name(), -1,
        "is " + entry.encoding() + "; factors of adapters are plain floats", null));
    long count = entry.shape().elementCount();
    MemorySegment values = Arena.ofAuto().allocate(Math.max(1, count) * Float.BYTES, 64);
    try {
      FloatSource source =
          FloatSource.of(
              new TensorType(dtype, entry.shape()),
              (byteOffset, target) -> file.read(entry.name(), byteOffset, target));
      for (long done = 0; done < count; done += PIECE_ELEMENTS) {
        long length = Math.min(PIECE_ELEMENTS, count - done);
        source.read(done, values.asSlice(done * Float.BYTES, length * Float.BYTES));
      }
    } catch (TensorException refused) {
      throw refused.tensorName().isEmpty() ? refused.named(entry.name()) : refused;
    }
    requireFinite(entry, values, count);
    return Tensor.of(values, DType.F32, entry.shape());
  }

  private static void requireFinite(TensorEntry entry, MemorySegment values, long count) {
    for (long i = 0; i < count; i++) {
      float value = values.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      if (!Float.isFinite(value)) {
        throw new TensorException(
            ErrorCode.NON_FINITE,
            entry.name(),
            i,
            "element " + i + " of the adapter is " + value + "; it was not trained to the end, or"
                + " is damaged",
            null);
      }
    }
  }
}
