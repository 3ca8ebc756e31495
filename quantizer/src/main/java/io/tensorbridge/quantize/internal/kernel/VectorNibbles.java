package io.tensorbridge.quantize.internal.kernel;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** The vector twin of {@link ScalarNibbles}, with a pair of codes in each lane. */
final class VectorNibbles {
  private static final VectorSpecies<Short> PAIRS = Lanes.FLOATS.withLanes(short.class);
  private static final VectorSpecies<Byte> CODES = Lanes.FLOATS.withLanes(byte.class);
  private static final VectorSpecies<Byte> PACKED =
      switch (Lanes.COUNT) {
        case 16 -> ByteVector.SPECIES_256;
        case 8 -> ByteVector.SPECIES_128;
        default -> ByteVector.SPECIES_64;
      };

  private VectorNibbles() {}

  /** The codes of ranks, for a table of 16; in place, may run over the count up to a full vector. */
  static ByteVector table(byte[] codeOfRank) {
    byte[] lanes = new byte[CODES.length()];
    for (int i = 0; i < lanes.length; i++) {
      lanes[i] = codeOfRank[i % codeOfRank.length];
    }
    return ByteVector.fromArray(CODES, lanes, 0);
  }

  static void translate(byte[] codes, int count, byte[] codeOfRank) {
    ByteVector table = table(codeOfRank);
    int at = 0;
    for (; at <= count - CODES.length(); at += CODES.length()) {
      ByteVector.fromArray(CODES, codes, at).selectFrom(table).intoArray(codes, at);
    }
    for (; at < count; at++) {
      codes[at] = codeOfRank[codes[at]];
    }
  }

  static void packHighFirst(byte[] codes, int count, byte[] packed) {
    int bytes = ScalarNibbles.byteLength(count);
    int at = 0;
    for (; at <= bytes - PACKED.length(); at += PACKED.length()) {
      ShortVector pairs = ByteVector.fromArray(CODES, codes, 2 * at).reinterpretAsShorts();
      ShortVector joined =
          pairs.lanewise(VectorOperators.LSHL, 4).or(pairs.lanewise(VectorOperators.LSHR, 8));
      narrow(joined).intoArray(packed, at);
    }
    for (; at < bytes; at++) {
      packed[at] = (byte) ((codes[2 * at] << 4) | (codes[2 * at + 1] & 15));
    }
  }

  static void packLowFirst(byte[] codes, int count, byte[] packed) {
    int bytes = ScalarNibbles.byteLength(count);
    int at = 0;
    for (; at <= bytes - PACKED.length(); at += PACKED.length()) {
      ShortVector pairs = ByteVector.fromArray(CODES, codes, 2 * at).reinterpretAsShorts();
      ShortVector joined = pairs.or(pairs.lanewise(VectorOperators.LSHR, 4));
      narrow(joined).intoArray(packed, at);
    }
    for (; at < bytes; at++) {
      packed[at] = (byte) ((codes[2 * at] & 15) | (codes[2 * at + 1] << 4));
    }
  }

  private static ByteVector narrow(ShortVector pairs) {
    return (ByteVector) pairs.convertShape(VectorOperators.S2B, PACKED, 0);
  }

  static void unpackHighFirst(byte[] packed, int bytes, byte[] codes) {
    int at = 0;
    for (; at <= bytes - PACKED.length(); at += PACKED.length()) {
      ShortVector wide = widen(packed, at);
      ShortVector high = wide.lanewise(VectorOperators.LSHR, 4);
      ShortVector low = wide.and((short) 15).lanewise(VectorOperators.LSHL, 8);
      high.or(low).reinterpretAsBytes().intoArray(codes, 2 * at);
    }
    for (; at < bytes; at++) {
      codes[2 * at] = (byte) ((packed[at] >> 4) & 15);
      codes[2 * at + 1] = (byte) (packed[at] & 15);
    }
  }

  static void unpackLowFirst(byte[] packed, int bytes, byte[] codes) {
    int at = 0;
    for (; at <= bytes - PACKED.length(); at += PACKED.length()) {
      ShortVector wide = widen(packed, at);
      ShortVector low = wide.and((short) 15);
      ShortVector high = wide.lanewise(VectorOperators.LSHL, 4).and((short) 0xf00);
      high.or(low).reinterpretAsBytes().intoArray(codes, 2 * at);
    }
    for (; at < bytes; at++) {
      codes[2 * at] = (byte) (packed[at] & 15);
      codes[2 * at + 1] = (byte) ((packed[at] >> 4) & 15);
    }
  }

  private static ShortVector widen(byte[] packed, int at) {
    ByteVector bytes = ByteVector.fromArray(PACKED, packed, at);
    return (ShortVector) bytes.convertShape(VectorOperators.ZERO_EXTEND_B2S, PAIRS, 0);
  }
}
