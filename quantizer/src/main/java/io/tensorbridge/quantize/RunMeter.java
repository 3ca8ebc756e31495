package io.tensorbridge.quantize;

import java.lang.foreign.MemorySegment;

/** Watches what a quantization does to each chunk; thread-safe. */
public abstract sealed class RunMeter permits QualityMeter, SurvivalMeter {
  RunMeter() {}

  /**
   * Takes a chunk, while it is in the cache.
   *
   * @param first its first element
   * @param values native float32: what was quantized
   * @param restored native float32: what became of it
   */
  abstract void add(long first, MemorySegment values, MemorySegment restored);
}
