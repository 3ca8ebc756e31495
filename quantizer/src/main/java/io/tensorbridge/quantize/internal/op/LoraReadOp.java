package io.tensorbridge.quantize.internal.op;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.TensorOp;
import io.tensorbridge.quantize.internal.op.ComputedOutputs.Made;
import io.tensorbridge.quantize.lora.LoraAdapter;
import io.tensorbridge.quantize.lora.MatchedAdapter;
import io.tensorbridge.quantize.model.ModelTable;
import io.tensorbridge.quantize.model.SafetensorsFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * {@code lora_read}: the bytes of an adapter's file, a table of the base model's tensors, and maybe
 * PEFT's config in; the modules that fit the model as JSON, and all their factors, out.
 */
final class LoraReadOp implements TensorOp {
  @Override
  public String name() {
    return LoraReadProvider.NAME;
  }

  @Override
  public boolean takesFiles() {
    return true;
  }

  @Override
  public OpPlan plan(List<TensorType> inputs, Options options) {
    options.requireOnly(Set.of("name", "container", "allow_unmatched"));
    ByteInputs.require(name(), inputs, 2, 3);
    require(options, "container", Set.of("safetensors"), "safetensors");
    String allow = require(options, "allow_unmatched", Set.of("true", "false"), "false");
    return new Plan(
        Path.of(options.get("name", "the adapter")),
        allow.equals("true"),
        Math.max(1, 2 * inputs.getFirst().byteLength()));
  }

  private static String require(Options options, String key, Set<String> known, String absent) {
    String value = options.get(key, absent);
    if (!known.contains(value)) {
      throw new OptionException(
          ErrorCode.BAD_OPTION,
          key,
          "\"" + value + "\" is not possible; take " + String.join(" or ", known));
    }
    return value;
  }

  private record Plan(Path file, boolean allowUnmatched, long workBytes) implements OpPlan {
    @Override
    public List<OutputSpec> outputs() {
      return List.of();
    }

    @Override
    public OpRun bind(OpMemory memory) {
      List<Tensor> inputs = memory.inputs();
      return ComputedOutputs.of(inputs, () -> read(inputs));
    }

    private List<Made> read(List<Tensor> inputs) {
      ModelTable base = ModelTable.parse(ByteInputs.text(inputs.get(1)));
      Optional<byte[]> config =
          inputs.size() > 2 ? Optional.of(ByteInputs.text(inputs.get(2))) : Optional.empty();
      LoraAdapter adapter = adapter(inputs.getFirst(), config);
      ModuleTable table =
          ModuleTable.of(MatchedAdapter.of(adapter, base.shapes(), allowUnmatched));
      return List.of(
          Made.text("modules", table.json()), new Made("values", DType.F32, table.values()));
    }

    /** A client learns the reason alone, so that it names the file and the entry. */
    private LoraAdapter adapter(Tensor bytes, Optional<byte[]> config) {
      try {
        return LoraAdapter.read(file, SafetensorsFile.of(file, bytes.data()), config);
      } catch (TensorException refused) {
        if (refused.tensorName().isEmpty()) {
          throw refused;
        }
        throw new TensorException(
            refused.code(),
            "",
            refused.elementIndex(),
            file + ": \"" + refused.tensorName() + "\": " + refused.reason(),
            refused);
      }
    }
  }
}
