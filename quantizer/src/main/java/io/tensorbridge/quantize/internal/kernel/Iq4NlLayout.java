package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.ValueLayout;

/**
 * A block of ggml's {@code iq4_nl}: 32 elements in 18 bytes ({@code block_iq4_nl}, ggml-common.h).
 *
 * <pre>
 *    byte 0      2                                         18
 *         +------+-----------------------------------------+
 *         |  d   | qs[16]: low nibble element j,           |      x = VALUES[code] * d
 *         | fp16 |         high nibble element j + 16      |
 *         +------+-----------------------------------------+
 * </pre>
 *
 * <p>Rule ({@code quantize_row_iq4_nl_impl} with {@code ntry = 7}, as {@code ggml_quantize_chunk}
 * calls it, ggml 0.21.0): 16 trial scales around {@code max / 127}, where {@code max} is the first
 * value of greatest magnitude with its sign. Each trial takes the nearest table value of every
 * element and fits {@code d} to them by least squares with a weight per element: {@code x * x}, or
 * {@code importance * sqrt(2 * mean(x * x) + x * x)}; the best fit gives {@code d} and, by {@code 1 / d}, the codes. Sums run in the
 * order of the elements.
 */
final class Iq4NlLayout {
  static final int ELEMENTS = 32;
  static final int HALF = ELEMENTS / 2;
  static final int CODES = Short.BYTES;
  static final int BYTES = CODES + HALF;
  static final ValueLayout.OfShort SCALE = JAVA_SHORT_UNALIGNED;

  /** Trials run from {@code -TRIES} to {@code TRIES}, after a first one of the other sign. */
  static final int TRIES = 7;

  /** A block whose magnitudes are all less than this becomes zeros. */
  static final float SMALLEST = 1e-15f;

  /** What importances are weighed with: twice the mean square, added to the square of a value. */
  static final float VARIANCE = 2f / ELEMENTS;

  private static final float[] VALUES = {
      -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
  };

  /** The first table value, to which a trial scales the greatest. */
  static final float FIRST = VALUES[0];

  private static final float[] CUTS = cuts();

  private Iq4NlLayout() {}

  /** What the 16 codes stand for, ascending; a copy. */
  static float[] values() {
    return VALUES.clone();
  }

  /**
   * From {@code cuts[code]} on, a value is nearer to the next code than to this one: the midpoints,
   * and infinity for the last code; a copy. A midpoint itself goes up, as in {@code
   * best_index_int8}.
   */
  static float[] cuts() {
    float[] cuts = new float[VALUES.length];
    for (int code = 0; code + 1 < VALUES.length; code++) {
      cuts[code] = (VALUES[code] + VALUES[code + 1]) / 2;
    }
    cuts[VALUES.length - 1] = Float.POSITIVE_INFINITY;
    return cuts;
  }

  /** The nearest code; 15 for NaN, as the binary search of {@code best_index_int8} ends there. */
  static int code(float scaled) {
    int code = 0;
    for (int step = 8; step > 0; step >>= 1) {
      if (!(scaled < CUTS[code + step - 1])) {
        code += step;
      }
    }
    return code;
  }

  /** The inverse of a scale, 0 for 0. */
  static float inverse(float scale) {
    return scale == 0 ? 0f : 1f / scale;
  }
}
