package io.tensorbridge.quantize.internal.op;

import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.TensorOpProvider;

/** Describes {@code model_header}. */
public final class ModelHeaderProvider implements TensorOpProvider {
  static final String NAME = "model_header";

  /** Called by {@link java.util.ServiceLoader}. */
  public ModelHeaderProvider() {}

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String summary() {
    return "lays a model file out: input JSON of its tensors, then the parts behind the first of"
        + " each tensor that has several; the head of the file, and where everything goes";
  }

  @Override
  public TensorOp create() {
    return new ModelHeaderOp();
  }
}
