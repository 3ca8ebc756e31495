package io.tensorbridge.batch.ops;

import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.TensorOpProvider;

/** Describes {@code nonzero}. */
public final class NonzeroProvider implements TensorOpProvider {
  /** For {@link java.util.ServiceLoader}. */
  public NonzeroProvider() {}

  @Override
  public String name() {
    return "nonzero";
  }

  @Override
  public String summary() {
    return "flat C-order indices of the elements that are not zero, as int64; takes no options";
  }

  @Override
  public TensorOp create() {
    return new NonzeroOp();
  }
}
