package io.tensorbridge.quantize.internal.kernel;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Codes of four bits, two neighbours in a byte, the first one in its low half: 16 in 8 bytes. */
final class AdjacentNibbles {
  /** Codes that are packed at once. */
  static final int ELEMENTS = 16;

  /** Vectors of {@link Lanes#INTS} that hold them. */
  static final int PARTS = ELEMENTS / Lanes.COUNT;

  /** Packed codes. */
  static final VectorSpecies<Byte> BYTES = ByteVector.SPECIES_64;

  private static final VectorSpecies<Long> PAIRS = Lanes.FLOATS.withLanes(long.class);

  private AdjacentNibbles() {}

  /** A part of the codes at their place in the packed bytes, of which the others are 0. */
  static ByteVector pack(IntVector codes, int part) {
    LongVector pairs = codes.reinterpretAsLongs();
    LongVector packed = pairs.or(pairs.lanewise(VectorOperators.LSHR, 28));
    return (ByteVector) packed.convertShape(VectorOperators.L2B, BYTES, -part);
  }

  /** A part of the codes. */
  static IntVector unpack(ByteVector packed, int part) {
    LongVector wide =
        (LongVector) packed.convertShape(VectorOperators.ZERO_EXTEND_B2L, PAIRS, part);
    return wide.or(wide.lanewise(VectorOperators.LSHL, 28))
        .and(0x0000_000f_0000_000fL)
        .reinterpretAsInts();
  }
}
