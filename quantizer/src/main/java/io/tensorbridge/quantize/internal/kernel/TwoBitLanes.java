package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.TwoBits.HALF_ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.TwoBits.PARTS;
import static io.tensorbridge.quantize.internal.kernel.TwoBits.RUN_ELEMENTS;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.VectorOperators;

/** {@link TwoBits} with vectors of bytes. */
final class TwoBitLanes {
  private TwoBitLanes() {}

  /** Packs the low two bits of codes. */
  static void pack(byte[] codes, byte[] bytes, int at) {
    for (int half = 0; half < 2; half++) {
      for (int i = 0; i < RUN_ELEMENTS; i += Lanes.BYTES.length()) {
        int first = half * HALF_ELEMENTS + i;
        ByteVector packed = codes(codes, first + (PARTS - 1) * RUN_ELEMENTS);
        for (int part = PARTS - 2; part >= 0; part--) {
          ByteVector low = codes(codes, first + part * RUN_ELEMENTS);
          packed = packed.lanewise(VectorOperators.LSHL, 2).or(low);
        }
        packed.intoArray(bytes, at + half * RUN_ELEMENTS + i);
      }
    }
  }

  private static ByteVector codes(byte[] codes, int at) {
    return ByteVector.fromArray(Lanes.BYTES, codes, at).and((byte) 3);
  }

  /** The two bits of consecutive elements of one run. */
  static ByteVector codes(MemorySegment source, long from, int element) {
    return Lanes.bytes(source, from + TwoBits.place(element))
        .lanewise(VectorOperators.LSHR, TwoBits.shift(element))
        .and((byte) 3);
  }
}
