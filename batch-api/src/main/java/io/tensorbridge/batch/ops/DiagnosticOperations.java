package io.tensorbridge.batch.ops;

import io.tensorbridge.op.TensorOp;
import io.tensorbridge.op.TensorOpProvider;
import java.util.List;

/** Operations that serve tests only; no {@link java.util.ServiceLoader} finds them. */
public final class DiagnosticOperations {
  private DiagnosticOperations() {}

  /**
   * The diagnostic operations.
   *
   * @return their descriptions
   */
  public static List<TensorOpProvider> providers() {
    return List.of(new DelayProvider());
  }

  private static final class DelayProvider implements TensorOpProvider {
    @Override
    public String name() {
      return "delay";
    }

    @Override
    public String summary() {
      return "waits; options: millis=100";
    }

    @Override
    public TensorOp create() {
      return new DelayOp();
    }
  }
}
