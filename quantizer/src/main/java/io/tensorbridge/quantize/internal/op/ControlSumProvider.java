package io.tensorbridge.quantize.internal.op;

import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.TensorOpProvider;

/** Describes {@code control_sum}. */
public final class ControlSumProvider implements TensorOpProvider {
  static final String NAME = "control_sum";

  /** Called by {@link java.util.ServiceLoader}. */
  public ControlSumProvider() {}

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String summary() {
    return "adds weighted residuals to a base: inputs weights, base, residuals; options base (input,"
        + " none or output), dtype, nonfinite (error or keep)";
  }

  @Override
  public TensorOp create() {
    return new ControlSumOp();
  }
}
