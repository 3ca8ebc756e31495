package io.tensorbridge.quantize.internal.kernel;

/**
 * A block of ggml's {@code q6_K}: 256 elements in 16 sub-blocks of 16, each with a scale ({@code
 * block_q6_K}, ggml-common.h).
 *
 * <pre>
 *    byte 0                   128                  192                208    210
 *         +-------------------+--------------------+------------------+------+
 *         | ql[128]: low      | qh[64]: high       | scales[16]:      |  d   |    x = (d * scale) * (code - 32)
 *         | nibbles           | two bits           | signed byte each | fp16 |
 *         +-------------------+--------------------+------------------+------+
 *
 *    for each half h of 128 elements, i = 0..31:
 *    ql[64 * h + i]         low nibble element i,      high nibble element i + 64
 *    ql[64 * h + 32 + i]    low nibble element i + 32, high nibble element i + 96
 *    qh[32 * h + i]         two bits each of elements i, i + 32, i + 64, i + 96, lowest first
 * </pre>
 *
 * <p>Rule ({@code quantize_row_q6_K_ref}, ggml 0.21.0): {@link ScaleSearch} finds the scale of each
 * sub-block, {@link Q6KHead} turns them into bytes, and the codes are {@code nearest(x / (d * scale))
 * + 32}. Where {@code d * scale} is 0, the codes of the search stay. A super-block without a scale of
 * 1e-15 is all zero bytes.
 */
final class Q6KLayout {
  /** Sub-blocks of a super-block. */
  static final int GROUPS = 16;

  /** Elements of a sub-block. */
  static final int GROUP_ELEMENTS = SuperBlock.ELEMENTS / GROUPS;

  static final int HALF_ELEMENTS = 128;
  static final int QUARTER_ELEMENTS = 32;
  static final int LOW_BITS = 0;
  static final int HIGH_BITS = LOW_BITS + SuperBlock.ELEMENTS / 2;
  static final int SCALES = HIGH_BITS + SuperBlock.ELEMENTS / 4;
  static final int SCALE = SCALES + GROUPS;
  static final int BYTES = SCALE + Short.BYTES;

  /** What is added to codes, and the greatest magnitude of a negative one. */
  static final int BIAS = 32;

  private Q6KLayout() {}

  /** The fp16 factor. */
  static float factor(byte[] block, int at) {
    int scale = at + SCALE;
    return Float.float16ToFloat((short) ((block[scale] & 0xff) | (block[scale + 1] << 8)));
  }
}
