package io.tensorbridge.quantize.internal.kernel;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Vectors of {@link E2m1}. */
final class E2m1Lanes {
  private E2m1Lanes() {}

  /** As {@link E2m1#magnitudeCode}. */
  static IntVector magnitudeCodes(IntVector bits) {
    return magnitudeCodes(Lanes.INTS, bits);
  }

  /** The same, of vectors of a species. */
  static IntVector magnitudeCodes(VectorSpecies<Integer> species, IntVector bits) {
    IntVector small =
        above(species, bits, E2m1.QUARTER).add(above(species, bits, E2m1.THREE_QUARTERS));
    return bits.add(E2m1.ROUNDING)
        .lanewise(VectorOperators.ASHR, E2m1.ROUNDING_SHIFT)
        .max(small);
  }

  /** 1 where bits are greater than a limit, 0 elsewhere. */
  private static IntVector above(VectorSpecies<Integer> species, IntVector bits, int limit) {
    return IntVector.broadcast(species, limit).sub(bits).lanewise(VectorOperators.LSHR, 31);
  }

  /** As {@link E2m1#signed}; a code that is not 0 gets bit 3 when 7 is added. */
  static IntVector signed(IntVector codes, IntVector bits) {
    return bits.lanewise(VectorOperators.LSHR, 28).and(8).and(codes.add(7)).or(codes);
  }

  /** As {@link E2m1#doubled}. */
  static ByteVector doubled(ByteVector codes) {
    ByteVector magnitude = codes.and((byte) 7);
    ByteVector over4 = magnitude.sub((byte) 4).max((byte) 0);
    ByteVector over6 = magnitude.sub((byte) 6).max((byte) 0);
    ByteVector value = magnitude.add(over4).add(over6).add(over6);
    ByteVector sign = codes.lanewise(VectorOperators.LSHL, 4).lanewise(VectorOperators.ASHR, 7);
    return value.lanewise(VectorOperators.XOR, sign).sub(sign);
  }
}
