package io.tensorbridge.op;

import io.tensorbridge.Tensor;
import java.util.List;
import java.util.function.Function;

/** How an execution ended, failures aside. */
public sealed interface Outcome {
  /** The outputs are complete. */
  Outcome DONE = new Done();

  /** The outputs are complete. */
  record Done() implements Outcome {}

  /**
   * The sizes of the outputs are known only now; the execution goes on where it stands, redoing
   * nothing, once it has them.
   *
   * @param outputs the outputs that are needed
   * @param resume takes tensors of these types and gives the rest of the execution
   */
  record NeedsSpace(List<OutputSpec> outputs,
      Function<List<Tensor>, OpRun> resume) implements Outcome {}
}
