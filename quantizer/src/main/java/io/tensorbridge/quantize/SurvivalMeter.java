package io.tensorbridge.quantize;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * Adds up how much of what was merged into a weight is left after one quantization; thread-safe.
 *
 * <p>The sums of chunks are joined in the order of the elements, so that the figures do not depend
 * on the number of threads.
 */
public final class SurvivalMeter extends RunMeter {
  private final FloatSource base;
  private final ConcurrentSkipListMap<Long, Survival> chunks = new ConcurrentSkipListMap<>();

  /**
   * A meter that has seen nothing.
   *
   * @param base the weight before the merge, read once more while it is quantized
   */
  public SurvivalMeter(FloatSource base) {
    this.base = base;
  }

  @Override
  void add(long first, MemorySegment values, MemorySegment restored) {
    int count = Math.toIntExact(values.byteSize() / Float.BYTES);
    try (Scratch scratch = Scratch.borrow()) {
      MemorySegment before = base.read(first, count, scratch);
      chunks.put(first, Survival.of(before, values, restored));
    }
  }

  /**
   * The sums over all chunks that have ended.
   *
   * @return of as many elements as the weight has, once its run has ended
   */
  public Survival survival() {
    Survival sum = Survival.NONE;
    for (Survival chunk : chunks.values()) {
      sum = sum.plus(chunk);
    }
    return sum;
  }
}
