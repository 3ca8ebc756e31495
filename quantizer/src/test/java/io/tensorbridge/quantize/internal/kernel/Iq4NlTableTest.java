package io.tensorbridge.quantize.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

/** The vector look-up against ggml's binary search, written out again here. */
class Iq4NlTableTest {
  private static final byte[] VALUES = {
      -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
  };

  /** Values next to each other in the neighbourhood of a place. */
  private static final int NEIGHBOURS = 1 << 12;

  private final float[] values = new float[Lanes.COUNT];

  @Test
  void everyCodeIsTheOneOfTheBinarySearch() {
    int last = Float.floatToRawIntBits(135f);
    for (int bits = 0; bits < last - Lanes.COUNT * 61; bits += Lanes.COUNT * 61) {
      compare(bits, 61);
    }
  }

  @Test
  void noCodeIsWrongNextToAMidpointOrATableValue() {
    for (int twice = 0; twice < 270; twice++) {
      int middle = Float.floatToRawIntBits(twice / 2f);
      int first = Math.max(0, middle - NEIGHBOURS / 2);
      for (int bits = first; bits < first + NEIGHBOURS; bits += Lanes.COUNT) {
        compare(bits, 1);
      }
    }
  }

  @Test
  void valuesFarAwayAndNanHaveTheOuterCodes() {
    float[] far = {-1e38f, -136f, 136f, 1e38f, Float.NaN};
    int[] expected = {0, 0, 15, 15, 15};
    for (int i = 0; i < far.length; i++) {
      FloatVector vector = FloatVector.broadcast(Lanes.FLOATS, far[i]);
      assertThat(Iq4NlTable.codesOfAny(vector).lane(0)).isEqualTo(expected[i]);
      assertThat(nearest(far[i])).isEqualTo(expected[i]);
    }
  }

  private void compare(int bits, int step) {
    for (int sign = 0; sign < 2; sign++) {
      for (int i = 0; i < Lanes.COUNT; i++) {
        values[i] = Float.intBitsToFloat(bits + i * step | sign << 31);
      }
      FloatVector vector = FloatVector.fromArray(Lanes.FLOATS, values, 0);
      int[] codes = Iq4NlTable.codes(vector).toArray();
      for (int i = 0; i < Lanes.COUNT; i++) {
        if (codes[i] != nearest(values[i]) || codes[i] != Iq4NlLayout.code(values[i])) {
          throw new AssertionError(values[i] + " has code " + codes[i]);
        }
      }
    }
  }

  /** {@code best_index_int8}: the search for the two neighbours, then the nearer one. */
  private static int nearest(float value) {
    if (value <= VALUES[0]) {
      return 0;
    }
    if (value >= VALUES[15]) {
      return 15;
    }
    int low = 0;
    int high = 15;
    while (high - low > 1) {
      int middle = (low + high) / 2;
      if (value < VALUES[middle]) {
        high = middle;
      } else {
        low = middle;
      }
    }
    return value - VALUES[high - 1] < VALUES[high] - value ? high - 1 : high;
  }
}
