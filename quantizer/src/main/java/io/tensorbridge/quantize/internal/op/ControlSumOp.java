package io.tensorbridge.quantize.internal.op;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpMemory;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.op.TensorOp;
import io.tensorbridge.quantize.ControlSum;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/**
 * {@code control_sum}: the weights (float32 or float64, one for each residual), the base unless {@code
 * base} is {@code none} or {@code output}, and the residuals in; their weighted sum out.
 *
 * <p>With {@code base=output} the item's output is lent with the base in it, and replaced: an
 * absolute output in a {@code readwrite} region, as the wire has it.
 */
final class ControlSumOp implements TensorOp {
  /** Work after which the fastest kernels are prepared, as for {@code quantize}. */
  private static final long WARM_UP_BYTES = 64L << 20;

  private final AtomicLong doneBytes = new AtomicLong();

  @Override
  public String name() {
    return ControlSumProvider.NAME;
  }

  @Override
  public OpPlan plan(List<TensorType> inputs, Options options) {
    options.requireOnly(Set.of("base", "dtype", "nonfinite"));
    ControlSum sum =
        ControlSum.of(
            ControlSum.Base.parse(options.get("base", "input")),
            inputs,
            dtype(options.get("dtype", "")),
            ControlSum.Overflow.parse(options.get("nonfinite", "error")));
    return new Plan(sum, doneBytes);
  }

  private static Optional<DType> dtype(String text) {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "" -> Optional.empty();
      case "f32", "float32" -> Optional.of(DType.F32);
      case "f16", "float16" -> Optional.of(DType.F16);
      case "bf16", "bfloat16" -> Optional.of(DType.BF16);
      default ->
          throw new OptionException(
              ErrorCode.BAD_OPTION,
              "dtype",
              "\"" + text + "\" is not possible; take float32, float16 or bfloat16");
    };
  }

  private record Plan(ControlSum sum, AtomicLong doneBytes) implements OpPlan {
    @Override
    public List<OutputSpec> outputs() {
      return List.of(new OutputSpec("sum", sum.type()));
    }

    @Override
    public long workBytes() {
      return sum.workBytes();
    }

    @Override
    public OpRun bind(OpMemory memory) {
      if (doneBytes.addAndGet(sum.workBytes()) >= WARM_UP_BYTES) {
        sum.warmUp();
      }
      return sum.bind(memory.inputs(), memory.outputs().getFirst());
    }
  }
}
