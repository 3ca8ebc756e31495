package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.ValueLayout;

/**
 * A block of ggml's {@code q5_0}: 32 elements in 22 bytes ({@code block_q5_0}, ggml-common.h).
 *
 * <pre>
 *    byte 0      2               6                                         22
 *         +------+---------------+-----------------------------------------+
 *         |  d   | qh: bit j is  | qs[16]: low nibble element j,           |      x = (code - 16) * d
 *         | fp16 | bit 4 of      | high nibble element j + 16:             |
 *         |      | element j     | the lower 4 bits of the codes           |
 *         +------+---------------+-----------------------------------------+
 * </pre>
 *
 * <p>Rule ({@code quantize_row_q5_0_ref}, ggml 0.21.0): {@code d = max / -16} where {@code max} is
 * the first value of greatest magnitude with its sign, {@code id = 1 / d} or 0, {@code code =
 * min(31, (int) (x * id + 16.5))}; {@code d} is then rounded to fp16.
 */
final class Q50Layout {
  static final int ELEMENTS = 32;
  static final int FIFTH_BITS = Short.BYTES;
  static final int CODES = FIFTH_BITS + Integer.BYTES;
  static final int BYTES = CODES + ELEMENTS / 2;
  static final int MAX_CODE = 31;
  static final ValueLayout.OfShort SCALE = JAVA_SHORT_UNALIGNED;
  static final ValueLayout.OfInt BITS = JAVA_INT_UNALIGNED;

  private Q50Layout() {}

  /** The scale; -0 for a block of zeros of any sign, as in ggml. */
  static float scale(float signedMax) {
    return signedMax == 0 ? -0f : signedMax / -16f;
  }

  static float inverse(float scale) {
    float inverse = scale == 0 ? 0f : 1f / scale;
    return Float.isInfinite(inverse) ? 0f : inverse;
  }

  /**
   * What is added before truncation: 16.5, but 0 where {@code 1 / d} overflows, since ggml's codes
   * are then 0 (an out-of-range conversion on x86-64).
   */
  static float bias(float scale, float inverse) {
    return inverse == 0 && scale != 0 ? 0f : 16.5f;
  }
}
