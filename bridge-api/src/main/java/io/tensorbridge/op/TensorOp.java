package io.tensorbridge.op;

import io.tensorbridge.TensorType;
import java.util.List;

/** An operation that a batch can ask for by name; stateless and thread-safe. */
public interface TensorOp {
  /**
   * The name by which callers ask for the operation.
   *
   * @return lower case, for example {@code quantize}
   */
  String name();

  /**
   * Validates the inputs' types and the options, and tells the outputs' sizes.
   *
   * @param inputs the types of one item's inputs
   * @param options the options of that item
   * @return an immutable plan, to be used for every item of these types and options
   * @throws io.tensorbridge.TensorException if the operation does not take these types; without a
   *     name, the caller adds it
   * @throws io.tensorbridge.OptionException if an option is unknown or not acceptable
   */
  OpPlan plan(List<TensorType> inputs, Options options);

  /**
   * Whether inputs may be mapped files ({@link io.tensorbridge.Backing#FILE}), which anyone can
   * truncate at any time.
   *
   * <p>Such an operation copies all that it reads of an input by {@link
   * java.lang.foreign.MemorySegment#copy} into private memory before it computes, in {@link
   * OpPlan#bind} and in chunks only. Who runs it sees to it that a truncation ends the item ({@link
   * FileBackedRun}).
   *
   * @return false unless the operation says so
   */
  default boolean takesFiles() {
    return false;
  }
}
