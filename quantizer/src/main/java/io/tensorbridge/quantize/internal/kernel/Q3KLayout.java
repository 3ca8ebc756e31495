package io.tensorbridge.quantize.internal.kernel;

/**
 * A block of ggml's {@code q3_K}: 256 elements in 16 sub-blocks of 16, each with a scale ({@code
 * block_q3_K}, ggml-common.h).
 *
 * <pre>
 *    byte 0              32                   96               108    110
 *         +--------------+--------------------+----------------+------+
 *         | hmask[32]:   | qs[64]: low        | scales[12]:    |  d   |   x = (d * (scale - 32)) * (code - 4)
 *         | third bit    | two bits           | 16 * 6 bit     | fp16 |
 *         +--------------+--------------------+----------------+------+
 *
 *    hmask[i]          bit j: third bit of element 32 * j + i
 *    qs[32 * h + i]    two bits each of elements i, i + 32, i + 64, i + 96 of half h, lowest first
 *    scales[j]         j = 0..7: bits 0-3 of the scales of sub-blocks j (low nibble) and j + 8
 *    scales[8 + j]     j = 0..3: bits 4-5 of the scales of sub-blocks j, j + 4, j + 8, j + 12,
 *                      lowest first
 * </pre>
 *
 * <p>Rule ({@code quantize_row_q3_K_ref}, ggml 0.21.0): {@link CodeDescent} finds the scale of each
 * sub-block, {@link Q3KHead} turns them into 6 bits, and the codes are {@code nearest(x / (d *
 * (scale - 32))) + 4}. Where {@code d * (scale - 32)} is 0, the codes of the search stay.
 */
final class Q3KLayout {
  /** Sub-blocks of a super-block. */
  static final int GROUPS = 16;

  /** Elements of a sub-block. */
  static final int GROUP_ELEMENTS = SuperBlock.ELEMENTS / GROUPS;

  static final int HIGH_BITS = 0;
  static final int LOW_BITS = HIGH_BITS + SuperBlock.ELEMENTS / 8;
  static final int SCALES = LOW_BITS + SuperBlock.ELEMENTS / 4;
  static final int SCALES_BYTES = 12;
  static final int SCALE = SCALES + SCALES_BYTES;
  static final int BYTES = SCALE + Short.BYTES;

  /** What is added to codes, and the greatest magnitude of a negative one. */
  static final int BIAS = 4;

  /** The same for the scales of sub-blocks. */
  static final int SCALE_BIAS = 32;

  private Q3KLayout() {}

  /** Adds the 6 bits of a sub-block's scale, bias included, to scales that are 0 before. */
  static void putScale(byte[] block, int at, int group, int scale) {
    block[at + SCALES + group % 8] |= (byte) ((scale & 15) << (group / 8 * 4));
    block[at + SCALES + 8 + group % 4] |= (byte) ((scale >> 4) << (group / 4 * 2));
  }

  /** The scale of a sub-block without its bias, -32 to 31. */
  static int scale(byte[] block, int at, int group) {
    int low = (block[at + SCALES + group % 8] >> (group / 8 * 4)) & 15;
    int high = (block[at + SCALES + 8 + group % 4] >> (group / 4 * 2)) & 3;
    return (low | (high << 4)) - SCALE_BIAS;
  }

  /** The fp16 factor. */
  static float factor(byte[] block, int at) {
    int scale = at + SCALE;
    return Float.float16ToFloat((short) ((block[scale] & 0xff) | (block[scale + 1] << 8)));
  }
}
