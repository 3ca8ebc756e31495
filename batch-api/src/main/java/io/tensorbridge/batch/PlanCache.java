package io.tensorbridge.batch;

import io.tensorbridge.TensorType;
import io.tensorbridge.op.OpPlan;
import io.tensorbridge.op.OpRegistry;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.OutputSpec;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;

/**
 * Plans by (operation, options, input types), the least recently used dropped first; used by the
 * dispatcher only.
 *
 * <p>All clients share it, so it is bounded by what the plans keep, not by their number: texts and
 * shapes are the clients' to choose.
 */
final class PlanCache {
  /** A plan above this part of the capacity is not kept: it would drive out too many others. */
  private static final int LEAST_PLANS = 64;

  /** Bytes of the objects around a plan: entry, key, lists, the plan itself. */
  private static final long ENTRY_BYTES = 1024;

  private static final long TYPE_BYTES = 128;

  /** A text of 16-bit characters is in the key, and in parts once more in the parsed options. */
  private static final long CHARACTER_BYTES = 4;

  private final OpRegistry operations;
  private final long maxBytes;
  private final LinkedHashMap<Key, Kept> plans = new LinkedHashMap<>(16, 0.75f, true);
  private long bytes;

  private record Key(String operation, String options, List<TensorType> inputs) {
    long bytes() {
      long sum = CHARACTER_BYTES * (operation.length() + (long) options.length());
      for (int i = 0; i < inputs.size(); i++) {
        sum += PlanCache.bytes(inputs.get(i));
      }
      return sum;
    }
  }

  private record Kept(OpPlan plan, long bytes) {}

  /**
   * No plans yet.
   *
   * @param operations by name
   * @param maxBytes about what all plans together may take of the heap
   */
  PlanCache(OpRegistry operations, long maxBytes) {
    this.operations = operations;
    this.maxBytes = maxBytes;
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
    Kept known = plans.get(key);
    if (known != null) {
      return known.plan;
    }
    OpPlan plan = operations.get(operation).plan(inputs, Options.parse(optionText));
    keep(key, plan);
    return plan;
  }

  private void keep(Key key, OpPlan plan) {
    long added = ENTRY_BYTES + key.bytes() + bytes(plan);
    if (added > maxBytes / LEAST_PLANS) {
      return;
    }
    Iterator<Kept> eldest = plans.values().iterator();
    while (bytes + added > maxBytes) {
      bytes -= eldest.next().bytes;
      eldest.remove();
    }
    plans.put(key, new Kept(plan, added));
    bytes += added;
  }

  private static long bytes(OpPlan plan) {
    List<OutputSpec> outputs = plan.outputs();
    long sum = CHARACTER_BYTES * plan.label().length();
    for (int i = 0; i < outputs.size(); i++) {
      OutputSpec output = outputs.get(i);
      sum += CHARACTER_BYTES * output.name().length() + bytes(output.type());
    }
    return sum;
  }

  private static long bytes(TensorType type) {
    return TYPE_BYTES + Long.BYTES * (long) type.shape().rank();
  }

  /** The number of plans that are kept. */
  int size() {
    return plans.size();
  }
}
