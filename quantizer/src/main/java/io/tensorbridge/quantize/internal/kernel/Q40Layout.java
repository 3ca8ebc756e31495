package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.ValueLayout;

/**
 * A block of ggml's {@code q4_0}: 32 elements in 18 bytes ({@code block_q4_0}, ggml-common.h).
 *
 * <pre>
 *    byte 0      2                                         18
 *         +------+-----------------------------------------+
 *         |  d   | qs[16]: low nibble element j,           |      x = (code - 8) * d
 *         | fp16 |         high nibble element j + 16      |
 *         +------+-----------------------------------------+
 * </pre>
 *
 * <p>Rule ({@code quantize_row_q4_0_ref}, ggml 0.21.0): {@code d = max / -8} where {@code max} is
 * the first value of greatest magnitude with its sign, {@code id = 1 / d} or 0, {@code code =
 * min(15, (int) (x * id + 8.5))}; {@code d} is then rounded to fp16.
 */
final class Q40Layout {
  static final int ELEMENTS = 32;
  static final int CODES = Short.BYTES;
  static final int BYTES = CODES + ELEMENTS / 2;
  static final ValueLayout.OfShort SCALE = JAVA_SHORT_UNALIGNED;

  private Q40Layout() {}

  /** The scale; -0 for a block of zeros of any sign, as in ggml. */
  static float scale(float signedMax) {
    return signedMax == 0 ? -0f : signedMax / -8f;
  }

  static float inverse(float scale) {
    float inverse = scale == 0 ? 0f : 1f / scale;
    return Float.isInfinite(inverse) ? 0f : inverse;
  }

  /**
   * What is added before truncation: 8.5, but 0 where {@code 1 / d} overflows, since ggml's codes
   * are then 0 (an out-of-range conversion on x86-64).
   */
  static float bias(float scale, float inverse) {
    return inverse == 0 && scale != 0 ? 0f : 8.5f;
  }
}
