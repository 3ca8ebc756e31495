package io.tensorbridge.quantize.internal.op;

import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.TensorOpProvider;

/** Describes {@code dequantize}. */
public final class DequantizeProvider implements TensorOpProvider {
  static final String NAME = "dequantize";

  /** Called by {@link java.util.ServiceLoader}. */
  public DequantizeProvider() {}

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String summary() {
    return "turns data, scales and zero_points into float32; options scheme, shape (1280,320)";
  }

  @Override
  public TensorOp create() {
    return new DequantizeOp();
  }
}
