package io.tensorbridge.batch;

import io.tensorbridge.TensorLayout;
import io.tensorbridge.batch.wire.PlanRecord;
import io.tensorbridge.op.OutputSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A batch whose tensors have their place: what to tell the server, and where each output will lie;
 * immutable.
 *
 * @param operation its name
 * @param continueOnError whether failures are kept in the result
 * @param threads workers at once, 0 for all
 * @param timeoutNanos 0 for no bound
 * @param indexByName the items in their order
 * @param outputs of each item
 * @param outputBytes size of the span in which all outputs lie
 * @param block what the server reads
 * @param inputs pieces that are held until the server has let go of them
 */
record ResolvedBatch(
    String operation,
    boolean continueOnError,
    int threads,
    long timeoutNanos,
    Map<String, Integer> indexByName,
    List<ItemOutputs> outputs,
    long outputBytes,
    BlockEncoder block,
    List<Piece> inputs) {

  /**
   * The outputs of one item.
   *
   * @param label what they are, in the operation's words
   * @param names of the outputs
   * @param layouts their places, counted from the start of the output span
   */
  record ItemOutputs(String label, List<String> names, List<TensorLayout> layouts) {
    static final ItemOutputs NONE = new ItemOutputs("", List.of(), List.of());

    List<BlockEncoder.Operand> operands() {
      return layouts.stream().map(BlockEncoder.Operand::relative).toList();
    }
  }

  /** Places outputs one behind the other, each aligned. */
  static final class Placement {
    private long next;

    ItemOutputs place(@Nullable PlanRecord plan) {
      if (plan == null) {
        return ItemOutputs.NONE;
      }
      List<String> names = new ArrayList<>(plan.outputs().size());
      List<TensorLayout> layouts = new ArrayList<>(plan.outputs().size());
      for (OutputSpec output : plan.outputs()) {
        names.add(output.name());
        layouts.add(TensorLayout.rowMajor(output.type()).at(next));
        long end = Math.addExact(next, output.type().byteLength());
        next = Math.addExact(end, RegionPool.ALIGNMENT - 1) & -RegionPool.ALIGNMENT;
      }
      return new ItemOutputs(plan.label(), names, layouts);
    }

    long byteLength() {
      return next;
    }
  }

  static Map<String, Integer> index(List<String> names) {
    Map<String, Integer> index = new LinkedHashMap<>();
    for (String name : names) {
      index.put(name, index.size());
    }
    return index;
  }
}
