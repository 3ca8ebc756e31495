package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.ValueLayout;

/**
 * A block of ggml's {@code q5_1}: 32 elements in 24 bytes ({@code block_q5_1}, ggml-common.h).
 *
 * <pre>
 *    byte 0      2      4               8                                         24
 *         +------+------+---------------+-----------------------------------------+
 *         |  d   |  m   | qh: bit j is  | qs[16]: low nibble element j,           |      x = code * d + m
 *         | fp16 | fp16 | bit 4 of      | high nibble element j + 16:             |
 *         |      |      | element j     | the lower 4 bits of the codes           |
 *         +------+------+---------------+-----------------------------------------+
 * </pre>
 *
 * <p>Rule ({@code quantize_row_q5_1_ref}, ggml 0.21.0): {@code d = (max - min) / 31}, {@code id = 1
 * / d} or 0, {@code code = (int) ((x - min) * id + 0.5)}, which is at most 31; {@code d} and {@code
 * m = min} are then rounded to fp16. Among zeros of both signs the first one is the minimum.
 */
final class Q51Layout {
  static final int ELEMENTS = 32;
  static final int MINIMUM = Short.BYTES;
  static final int FIFTH_BITS = MINIMUM + Short.BYTES;
  static final int CODES = FIFTH_BITS + Integer.BYTES;
  static final int BYTES = CODES + ELEMENTS / 2;
  static final int MAX_CODE = 31;
  static final ValueLayout.OfShort SCALE = JAVA_SHORT_UNALIGNED;
  static final ValueLayout.OfInt BITS = JAVA_INT_UNALIGNED;

  private Q51Layout() {}

  static float scale(float low, float high) {
    return (high - low) / MAX_CODE;
  }

  /** As {@link Q41Layout#inverse}. */
  static float inverse(float scale) {
    return Q41Layout.inverse(scale);
  }
}
