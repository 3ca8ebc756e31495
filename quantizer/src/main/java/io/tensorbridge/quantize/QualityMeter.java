package io.tensorbridge.quantize;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * Adds up how close the result of one quantization is to its source; thread-safe.
 *
 * <p>The sums of chunks are joined in the order of the elements, so that the figures do not depend
 * on the number of threads.
 */
public final class QualityMeter extends RunMeter {
  private final ConcurrentSkipListMap<Long, TensorQuality> chunks = new ConcurrentSkipListMap<>();

  /** A meter that has seen nothing. */
  public QualityMeter() {
    // the map is ready
  }

  @Override
  void add(long first, MemorySegment values, MemorySegment restored) {
    chunks.put(first, TensorQuality.of(values, restored));
  }

  /**
   * The sums over all chunks that have ended.
   *
   * @return of as many elements as the tensor has, once its run has ended
   */
  public TensorQuality quality() {
    TensorQuality sum = TensorQuality.NONE;
    for (TensorQuality chunk : chunks.values()) {
      sum = sum.plus(chunk);
    }
    return sum;
  }
}
