package io.tensorbridge.quantize.internal.op;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.TensorOp;
import io.tensorbridge.quantize.NonFinite;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.Quantization;
import io.tensorbridge.quantize.Quantizer;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/**
 * {@code quantize}: one float tensor in, and for some schemes a vector beside it ({@link
 * Quantization#withImportance}): importances or activations of columns, or timesteps of rows; {@code
 * data}, and {@code scales} and what else the scheme has, out.
 */
final class QuantizeOp implements TensorOp {
  /**
   * Input after which the fastest kernels are prepared. Operations are asked for by processes that
   * live long, so it is far less than what a single conversion must have to earn that back.
   */
  private static final long WARM_UP_BYTES = 64L << 20;

  private final AtomicLong inputBytes = new AtomicLong();

  @Override
  public String name() {
    return QuantizeProvider.NAME;
  }

  @Override
  public boolean takesFiles() {
    return true;
  }

  @Override
  public OpPlan plan(List<TensorType> inputs, Options options) {
    options.requireOnly(Set.of("scheme", "nonfinite"));
    if (inputs.isEmpty() || inputs.size() > 2) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE,
          "quantize takes one tensor, and maybe the importances of its columns, not "
              + inputs.size() + " tensors");
    }
    QuantScheme scheme = QuantScheme.parse(options.get("scheme", "uniform"));
    NonFinite nonFinite = NonFinite.parse(options.get("nonfinite", "error"));
    Quantization quantization = Quantization.of(scheme, inputs.getFirst(), nonFinite);
    if (inputs.size() == 2) {
      quantization.requireImportance(inputs.get(1));
    }
    return new Plan(quantization, inputBytes);
  }

  private record Plan(Quantization quantization, AtomicLong inputBytes) implements OpPlan {
    @Override
    public List<OutputSpec> outputs() {
      return quantization.parts();
    }

    @Override
    public long workBytes() {
      return quantization.workBytes();
    }

    @Override
    public String label() {
      return quantization.scheme().toString();
    }

    @Override
    public OpRun bind(OpMemory memory) {
      if (inputBytes.addAndGet(quantization.type().byteLength()) >= WARM_UP_BYTES) {
        Quantizer.of(quantization.scheme()).warmUp();
      }
      List<Tensor> inputs = memory.inputs();
      Quantization weighted =
          inputs.size() == 2 ? quantization.withImportance(inputs.get(1)) : quantization;
      return weighted.bind(inputs.getFirst(), memory.outputs());
    }
  }
}
