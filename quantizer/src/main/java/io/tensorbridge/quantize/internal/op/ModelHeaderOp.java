package io.tensorbridge.quantize.internal.op;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileFormatProvider;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.TensorOp;
import io.tensorbridge.quantize.internal.op.ComputedOutputs.Made;
import io.tensorbridge.quantize.model.ModelHeader;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * {@code model_header}: what a model file shall hold in, as JSON, and the parts behind the first of
 * each tensor that has several; the first bytes of the file, where everything goes as JSON, and what
 * the container stores beside the parts out ({@link ModelHeader}).
 */
final class ModelHeaderOp implements TensorOp {
  private static final Set<String> CONTAINERS = Set.of("gguf", "safetensors");

  private final Map<String, TensorFileFormat> formats = new LinkedHashMap<>();

  ModelHeaderOp() {
    for (TensorFileFormatProvider provider : TensorFileFormats.ofServices().providers()) {
      if (CONTAINERS.contains(provider.name())) {
        formats.put(provider.name(), provider.create());
      }
    }
  }

  @Override
  public String name() {
    return ModelHeaderProvider.NAME;
  }

  @Override
  public OpPlan plan(List<TensorType> inputs, Options options) {
    options.requireOnly(Set.of());
    ByteInputs.require(name(), inputs.subList(0, Math.min(1, inputs.size())), 1, 1);
    return new Plan(formats, Math.max(1, inputs.getFirst().byteLength()));
  }

  private record Plan(Map<String, TensorFileFormat> formats, long workBytes) implements OpPlan {
    @Override
    public List<OutputSpec> outputs() {
      return List.of();
    }

    @Override
    public OpRun bind(OpMemory memory) {
      return ComputedOutputs.of(memory.inputs(), () -> layOut(memory.inputs()));
    }

    private List<Made> layOut(List<Tensor> inputs) {
      List<Tensor> parts = inputs.subList(1, inputs.size());
      ModelHeader header =
          ModelHeader.of(ByteInputs.text(inputs.getFirst()), formats, index -> part(parts, index));
      return List.of(
          Made.text("head", header.head()),
          Made.text("layout", header.layoutJson()),
          new Made("rest", DType.U8, MemorySegment.ofArray(header.rest())));
    }

    private static MemorySegment part(List<Tensor> parts, int index) {
      if (index >= parts.size()) {
        throw new TensorException(
            ErrorCode.BAD_SHAPE,
            "has parts that are no inputs: behind the text come the parts behind the first of"
                + " each tensor that has several, and there are " + parts.size());
      }
      return parts.get(index).data();
    }
  }
}
