package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** Packs vectors of codes as {@link Nibbles} does. */
final class NibbleLanes {
  private NibbleLanes() {}

  /** Stores pairs of codes, of which the lower one has at most four bits. */
  static void store(IntVector low, IntVector high, MemorySegment target, long offset) {
    Lanes.storeBytes(low.or(high.lanewise(VectorOperators.LSHL, 4)), target, offset);
  }

  /** Whether codes of five bits have the fifth one, that of lane j as bit j. */
  static int fifthBits(IntVector codes) {
    return (int) codes.compare(VectorOperators.GT, 15).toLong();
  }

  /** Codes of four bits as floats. */
  static FloatVector fourBits(ByteVector nibbles, int part) {
    return (FloatVector) nibbles.convertShape(VectorOperators.B2F, Lanes.FLOATS, part);
  }

  /** Codes of five bits as floats; the fifth one of lane j is bit j. */
  static FloatVector fiveBits(ByteVector nibbles, int part, int bits) {
    VectorMask<Float> fifth =
        VectorMask.fromLong(Lanes.FLOATS, bits & ((1L << Lanes.COUNT) - 1));
    return fourBits(nibbles, part).add(16f, fifth);
  }
}
