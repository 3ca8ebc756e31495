package io.tensorbridge.quantize.internal.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** The table of {@link Iq4NlLayout} in vectors: 16 entries are one, two or four of them. */
final class Iq4NlTable {
  private static final int ENTRIES = 16;
  private static final int LANES = Math.min(Lanes.COUNT, ENTRIES);
  private static final int LANE_BITS = Integer.numberOfTrailingZeros(LANES);
  private static final float[] VALUES = Iq4NlLayout.values();
  private static final float[] CUTS = Iq4NlLayout.cuts();

  /** 1.5 * 2^23: a float that is added to it is rounded to an integer, in the low bits. */
  private static final float ROUNDING = 12582912f;

  /**
   * The cuts lie about where {@code 7 + LINEAR * v + BENT * v * |v|} is a whole number and a half:
   * for every {@code |v| <= 135} this is the code or the one below once it is rounded, which {@code
   * Iq4NlTableTest} proves float by float.
   */
  private static final float LINEAR = 0.0936f;

  private static final float BENT = -2.84e-4f;

  private Iq4NlTable() {}

  /** The codes of values between -135 and 135, as {@link Iq4NlLayout#code}. */
  static IntVector codes(FloatVector values) {
    FloatVector slope = values.abs().mul(BENT).add(LINEAR);
    FloatVector guess = values.mul(slope).add(ROUNDING + 7);
    IntVector low = guess.reinterpretAsInts().and(ENTRIES - 1);
    return low.add(1, values.lt(cuts(low)).not().cast(Lanes.INTS));
  }

  /** The codes of any values, also of NaN. */
  static IntVector codesOfAny(FloatVector values) {
    FloatVector above = values.blend(-128f, values.lt(-128f));
    return codes(above.blend(128f, above.lt(128f).not()));
  }

  /** What codes stand for. */
  static FloatVector values(IntVector codes) {
    return lookUp(VALUES, codes);
  }

  /** Where the next code begins. */
  static FloatVector cuts(IntVector codes) {
    return lookUp(CUTS, codes);
  }

  private static FloatVector lookUp(float[] table, IntVector codes) {
    IntVector found = part(table, codes, 0);
    for (int at = LANES; at < ENTRIES; at += LANES) {
      VectorMask<Integer> there =
          codes.lanewise(VectorOperators.LSHR, LANE_BITS).eq(at >> LANE_BITS);
      found = found.blend(part(table, codes, at), there);
    }
    return found.reinterpretAsFloats();
  }

  private static IntVector part(float[] table, IntVector codes, int at) {
    IntVector entries =
        FloatVector.fromArray(Lanes.FLOATS, table, at).reinterpretAsInts();
    return codes.and(LANES - 1).selectFrom(entries);
  }
}
