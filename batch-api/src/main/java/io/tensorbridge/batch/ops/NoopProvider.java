package io.tensorbridge.batch.ops;

import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.TensorOpProvider;

/** Describes {@code noop}. */
public final class NoopProvider implements TensorOpProvider {
  /** For {@link java.util.ServiceLoader}. */
  public NoopProvider() {}

  @Override
  public String name() {
    return "noop";
  }

  @Override
  public String summary() {
    return "reads the first and the last element of its input; takes no options";
  }

  @Override
  public TensorOp create() {
    return new NoopOp();
  }
}
