package io.tensorbridge.quantize.internal.op;

import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.TensorOpProvider;

/** Describes {@code model_plan}. */
public final class ModelPlanProvider implements TensorOpProvider {
  static final String NAME = "model_plan";

  /** Called by {@link java.util.ServiceLoader}. */
  public ModelPlanProvider() {}

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String summary() {
    return "tells what quantizing a model makes of each tensor: input the bytes of a file or the"
        + " JSON of a table; options container (safetensors or table), target (gguf or"
        + " safetensors), scheme, overrides ([[regex, scheme], ...])";
  }

  @Override
  public TensorOp create() {
    return new ModelPlanOp();
  }
}
