package io.tensorbridge.quantize.internal.kernel;

/**
 * A block of ggml's {@code q2_K}: 256 elements in 16 sub-blocks of 16, each with a scale and a minimum
 * ({@code block_q2_K}, ggml-common.h).
 *
 * <pre>
 *    byte 0                  16                   80     82     84
 *         +------------------+--------------------+------+------+
 *         | scales[16]: scale| qs[64]: two bits   |  d   | dmin |   x = (d * scale) * code - dmin * min
 *         | low, min high    |                    | fp16 | fp16 |
 *         +------------------+--------------------+------+------+
 *
 *    qs[32 * h + i]    elements i, i + 32, i + 64, i + 96 of half h, lowest bits first
 * </pre>
 *
 * <p>Rule ({@code quantize_row_q2_K_ref}, ggml 0.21.0): {@link ScaleMinSearch} finds scale and minimum
 * of each sub-block by the weighted magnitudes of the errors, {@link Q2KHead} turns them into 4 bits,
 * and the codes are {@code nearest((x + dmin * min) / (d * scale))}. Where {@code d * scale} is 0, the
 * codes of the search stay.
 */
final class Q2KLayout {
  /** Sub-blocks of a super-block. */
  static final int GROUPS = 16;

  /** Elements of a sub-block. */
  static final int GROUP_ELEMENTS = SuperBlock.ELEMENTS / GROUPS;

  static final int SCALES = 0;
  static final int CODES = SCALES + GROUPS;
  static final int SCALE = CODES + SuperBlock.ELEMENTS / 4;
  static final int MIN_SCALE = SCALE + Short.BYTES;
  static final int BYTES = MIN_SCALE + Short.BYTES;

  static final int MAX_CODE = 3;

  private Q2KLayout() {}

  /** The scale of a sub-block, 0 to 15. */
  static int scale(byte[] block, int at, int group) {
    return block[at + SCALES + group] & 15;
  }

  /** The minimum of a sub-block, 0 to 15. */
  static int min(byte[] block, int at, int group) {
    return (block[at + SCALES + group] >> 4) & 15;
  }

  /** One of the two fp16 factors. */
  static float factor(byte[] block, int at) {
    return Float.float16ToFloat((short) ((block[at] & 0xff) | (block[at + 1] << 8)));
  }
}
