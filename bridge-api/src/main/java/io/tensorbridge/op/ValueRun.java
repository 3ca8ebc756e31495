package io.tensorbridge.op;

import java.lang.foreign.MemorySegment;

/**
 * An item that is done at once and leaves nothing but a small value: it runs any number of times, by
 * any thread, without an object for each execution.
 */
@FunctionalInterface
public interface ValueRun {
  /**
   * Runs the item.
   *
   * @param memory where the value goes
   * @param valueOffset the first of {@link OpMemory#VALUE_BYTES} zeroed bytes of it
   * @throws io.tensorbridge.TensorException if the data are not acceptable
   */
  void run(MemorySegment memory, long valueOffset);
}
