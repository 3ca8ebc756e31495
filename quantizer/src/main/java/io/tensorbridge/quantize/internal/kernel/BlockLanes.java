package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** What the vector kernels ask of the 32 values of a block, as {@link Magnitudes} and {@link Ranges}. */
final class BlockLanes {
  /**
   * Blocks of a group. Kernels go over a group twice, for the scales and for the codes, so that
   * neither waits for the other; a slice of constant length needs no bounds checks inside.
   */
  static final int GROUP = 16;

  private static final int STEP = Lanes.COUNT * Float.BYTES;
  private static final int BLOCK = 32 * Float.BYTES;

  private BlockLanes() {}

  /** The greatest magnitude, as raw bits. */
  static int magnitude(MemorySegment source, int from) {
    IntVector greatest = Lanes.magnitudes(source, from);
    for (int at = STEP; at < BLOCK; at += STEP) {
      greatest = greatest.max(Lanes.magnitudes(source, from + at));
    }
    return greatest.reduceLanes(VectorOperators.MAX);
  }

  /** The first value of a magnitude, with its sign. */
  static float firstOf(MemorySegment source, int from, int magnitude) {
    long found = 0;
    for (int at = 0; at < BLOCK; at += STEP) {
      long equal = Lanes.magnitudes(source, from + at).eq(magnitude).toLong();
      found |= equal << (at / Float.BYTES);
    }
    int first = Long.numberOfTrailingZeros(found);
    return source.get(JAVA_FLOAT_UNALIGNED, from + first * Float.BYTES);
  }

  /** The least and the greatest value, as a {@link ValueRange}. */
  static long range(MemorySegment source, int from) {
    IntVector low = keys(source, from);
    IntVector high = low;
    for (int at = STEP; at < BLOCK; at += STEP) {
      IntVector keys = keys(source, from + at);
      low = low.min(keys);
      high = high.max(keys);
    }
    return ValueRange.of(
        low.reduceLanes(VectorOperators.MIN), high.reduceLanes(VectorOperators.MAX));
  }

  /** As {@link ValueRange#key}. */
  private static IntVector keys(MemorySegment source, long offset) {
    IntVector bits = Lanes.ints(source, offset);
    IntVector mask = bits.lanewise(VectorOperators.ASHR, 31).and(0x7fffffff);
    return bits.lanewise(VectorOperators.XOR, mask);
  }
}
