package io.tensorbridge.batch.ops;

import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.TensorOpProvider;

/** Describes {@code copy}. */
public final class CopyProvider implements TensorOpProvider {
  /** For {@link java.util.ServiceLoader}. */
  public CopyProvider() {}

  @Override
  public String name() {
    return "copy";
  }

  @Override
  public String summary() {
    return "copies its input, of any strides, to a row-major output; takes no options";
  }

  @Override
  public TensorOp create() {
    return new CopyOp();
  }
}
