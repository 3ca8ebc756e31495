package io.tensorbridge.op;

import io.tensorbridge.Tensor;
import java.util.List;
import java.util.Optional;

/**
 * The proof that an operation takes certain types and options, and what will come out; immutable and
 * thread-safe, so one plan serves every item of the same types.
 */
public interface OpPlan {
  /**
   * The outputs of an item.
   *
   * @return empty if the result is only the {@linkplain OpMemory#value() value}, or if the sizes
   *     depend on the data (the run then ends in {@link Outcome.NeedsSpace})
   */
  List<OutputSpec> outputs();

  /**
   * The memory traffic of one item, by which work is weighed and progress counted.
   *
   * @return bytes read and written, at least 1
   */
  long workBytes();

  /**
   * What the outputs are, in the operation's own words.
   *
   * @return for {@code quantize} the canonical name of the scheme; empty if there is nothing to say
   */
  default String label() {
    return "";
  }

  /**
   * Prepares one execution.
   *
   * @param memory inputs of the planned types, outputs of the planned sizes
   * @return the execution; it keeps the memory until its last chunk has ended
   */
  OpRun bind(OpMemory memory);

  /**
   * Prepares all executions of an item that has no outputs and takes less time than a worker would
   * take to wake.
   *
   * @param inputs of the planned types; they stay mapped while an execution runs
   * @return what runs the item in place of {@link #bind}; empty if each execution has a state
   */
  default Optional<ValueRun> bindValue(List<Tensor> inputs) {
    return Optional.empty();
  }
}
