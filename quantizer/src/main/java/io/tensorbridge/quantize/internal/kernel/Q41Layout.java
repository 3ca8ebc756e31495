package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.ValueLayout;

/**
 * A block of ggml's {@code q4_1}: 32 elements in 20 bytes ({@code block_q4_1}, ggml-common.h).
 *
 * <pre>
 *    byte 0      2      4                                         20
 *         +------+------+-----------------------------------------+
 *         |  d   |  m   | qs[16]: low nibble element j,           |      x = code * d + m
 *         | fp16 | fp16 |         high nibble element j + 16      |
 *         +------+------+-----------------------------------------+
 * </pre>
 *
 * <p>Rule ({@code quantize_row_q4_1_ref}, ggml 0.21.0): {@code d = (max - min) / 15}, {@code id = 1
 * / d} or 0, {@code code = min(15, (int) ((x - min) * id + 0.5))}; {@code d} and {@code m = min} are
 * then rounded to fp16. Among zeros of both signs the first one is the minimum.
 */
final class Q41Layout {
  static final int ELEMENTS = 32;
  static final int MINIMUM = Short.BYTES;
  static final int CODES = MINIMUM + Short.BYTES;
  static final int BYTES = CODES + ELEMENTS / 2;
  static final int MAX_CODE = 15;
  static final ValueLayout.OfShort SCALE = JAVA_SHORT_UNALIGNED;

  private Q41Layout() {}

  static float scale(float low, float high) {
    return (high - low) / MAX_CODE;
  }

  /**
   * The factor from values to codes. Where {@code 1 / d} overflows, ggml's codes are 0 (an
   * out-of-range conversion on x86-64), and so they are here.
   */
  static float inverse(float scale) {
    float inverse = scale == 0 ? 0f : 1f / scale;
    return inverse == Float.POSITIVE_INFINITY ? 0f : inverse;
  }
}
