package io.tensorbridge.quantize.internal.op;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.TensorOp;
import io.tensorbridge.quantize.Dequantization;
import io.tensorbridge.quantize.QuantScheme;
import java.util.List;
import java.util.Set;

/** {@code dequantize}: the parts of a quantized tensor in, float32 of its shape out. */
final class DequantizeOp implements TensorOp {
  @Override
  public String name() {
    return DequantizeProvider.NAME;
  }

  @Override
  public boolean takesFiles() {
    return true;
  }

  @Override
  public OpPlan plan(List<TensorType> inputs, Options options) {
    options.requireOnly(Set.of("scheme", "shape"));
    QuantScheme scheme = QuantScheme.parse(required(options, "scheme"));
    Shape shape = shape(required(options, "shape"));
    Dequantization dequantization = Dequantization.of(scheme, shape);
    dequantization.requireParts(inputs);
    return new Plan(dequantization);
  }

  private static String required(Options options, String key) {
    String value = options.get(key);
    if (value == null) {
      throw new OptionException(ErrorCode.BAD_OPTION, key, "must be given to dequantize");
    }
    return value;
  }

  /** Reads {@code 1280,320}; empty for a scalar. */
  private static Shape shape(String text) {
    if (text.isBlank()) {
      return Shape.of();
    }
    String[] fields = text.split(",", -1);
    long[] dimensions = new long[fields.length];
    try {
      for (int i = 0; i < fields.length; i++) {
        dimensions[i] = Long.parseLong(fields[i].strip());
      }
    } catch (NumberFormatException notNumber) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "shape", "\"" + text + "\" is no shape; write 1280,320");
    }
    return Shape.of(dimensions);
  }

  private record Plan(Dequantization dequantization) implements OpPlan {
    @Override
    public List<OutputSpec> outputs() {
      return List.of(new OutputSpec("values", dequantization.type()));
    }

    @Override
    public long workBytes() {
      return dequantization.workBytes();
    }

    @Override
    public OpRun bind(OpMemory memory) {
      return dequantization.bind(memory.inputs(), memory.outputs().getFirst());
    }
  }
}
