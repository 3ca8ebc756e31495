package io.tensorbridge.quantize.internal.op;

import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.TensorOpProvider;

/** Describes {@code quantize}. */
public final class QuantizeProvider implements TensorOpProvider {
  static final String NAME = "quantize";

  /** Called by {@link java.util.ServiceLoader}. */
  public QuantizeProvider() {}

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String summary() {
    return "quantizes a float tensor, a second input are importances of its columns; options scheme (uniform:bits=4,group=tensor), nonfinite"
        + " (error or clip)";
  }

  @Override
  public TensorOp create() {
    return new QuantizeOp();
  }
}
