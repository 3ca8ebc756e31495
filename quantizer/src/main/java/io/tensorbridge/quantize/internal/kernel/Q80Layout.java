package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.ValueLayout;

/**
 * A block of ggml's {@code q8_0}: 32 elements in 34 bytes ({@code block_q8_0}, ggml-common.h).
 *
 * <pre>
 *    byte 0      2                              34
 *         +------+------------------------------+
 *         |  d   | qs[32]: signed byte each     |      x = qs * d
 *         | fp16 |                              |
 *         +------+------------------------------+
 * </pre>
 *
 * <p>Rule ({@code quantize_row_q8_0_ref}, ggml 0.21.0): {@code d = amax / 127}, {@code id = 1 / d}
 * or 0, {@code qs = roundf(x * id)}, half away from zero; {@code d} is then rounded to fp16.
 */
final class Q80Layout {
  static final int ELEMENTS = 32;
  static final int CODES = Short.BYTES;
  static final int BYTES = CODES + ELEMENTS;
  static final ValueLayout.OfShort SCALE = JAVA_SHORT_UNALIGNED;

  private Q80Layout() {}

  static float scale(int magnitudeBits) {
    return Float.intBitsToFloat(magnitudeBits) / 127f;
  }

  /**
   * The factor from values to codes. Where {@code 1 / d} overflows, ggml's codes are 0 (an
   * out-of-range conversion on x86-64), and so they are here.
   */
  static float inverse(float scale) {
    float inverse = 1f / scale;
    return inverse == Float.POSITIVE_INFINITY ? 0f : inverse;
  }
}
