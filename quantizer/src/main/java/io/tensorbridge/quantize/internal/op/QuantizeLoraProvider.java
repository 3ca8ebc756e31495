package io.tensorbridge.quantize.internal.op;

import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.TensorOpProvider;

/** Describes {@code quantize_lora}. */
public final class QuantizeLoraProvider implements TensorOpProvider {
  static final String NAME = "quantize_lora";

  /** Called by {@link java.util.ServiceLoader}. */
  public QuantizeLoraProvider() {}

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String summary() {
    return "merges low-rank factors into a weight and quantizes it: inputs weight, f64 strengths,"
        + " then down and up (and magnitude of a dora) of each part; options scheme, nonfinite,"
        + " parts (lora,dora), survival (true or false)";
  }

  @Override
  public TensorOp create() {
    return new QuantizeLoraOp();
  }
}
