package io.tensorbridge.batch;

import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRegistry;
import io.tensorbridge.op.Options;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Plans by (operation, options, input types), the least recently used dropped first; used by the
 * dispatcher only.
 */
final class PlanCache {
  private static final int MAX_TEXT = 4096;
  private static final int MAX_INPUTS = 64;

  private final OpRegistry operations;
  private final Map<Key, OpPlan> plans;

  private record Key(String operation, String options, List<TensorType> inputs) {}

  PlanCache(OpRegistry operations, int capacity) {
    this.operations = operations;
    this.plans =
        new LinkedHashMap<>(16, 0.75f, true) {
          private static final long serialVersionUID = 1L;

          @Override
          protected boolean removeEldestEntry(Map.Entry<Key, OpPlan> eldest) {
            return size() > capacity;
          }
        };
  }

  /**
   * Refuses an unknown operation.
   *
   * @param operation a name
   * @throws io.tensorbridge.OptionException if no operation has it
   */
  void requireOperation(String operation) {
    operations.get(operation);
  }

  /**
   * Whether an operation reads files.
   *
   * @param operation a known name
   */
  boolean takesFiles(String operation) {
    return operations.get(operation).takesFiles();
  }

  /**
   * The plan for one item.
   *
   * @param operation a known name
   * @param optionText lines of {@code key=value}
   * @param inputs the item's input types
   * @return a plan, possibly shared
   * @throws io.tensorbridge.BridgeException if the operation does not take them
   */
  OpPlan plan(String operation, String optionText, List<TensorType> inputs) {
    Key key = new Key(operation, optionText, inputs);
    OpPlan known = plans.get(key);
    if (known != null) {
      return known;
    }
    OpPlan plan = operations.get(operation).plan(inputs, Options.parse(optionText));
    if (optionText.length() <= MAX_TEXT && inputs.size() <= MAX_INPUTS) {
      plans.put(key, plan);
    }
    return plan;
  }
}
