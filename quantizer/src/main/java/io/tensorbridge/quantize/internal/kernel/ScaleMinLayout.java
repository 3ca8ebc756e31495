package io.tensorbridge.quantize.internal.kernel;

/**
 * A block of ggml's {@code q4_K} and {@code q5_K}: 256 elements in 8 sub-blocks of 32, each with a
 * scale and a minimum ({@code block_q4_K}, {@code block_q5_K}, ggml-common.h).
 *
 * <pre>
 *    byte 0      2      4                 16                          144
 *         +------+------+-----------------+---------------------------+
 *    q4_K |  d   | dmin | scales[12]      | qs[128]: nibbles          |
 *         | fp16 | fp16 | 8 * (6 + 6 bit) |                           |
 *         +------+------+-----------------+---------------------------+
 *    byte 0      2      4                 16          48                          176
 *         +------+------+-----------------+-----------+---------------------------+
 *    q5_K |  d   | dmin | scales[12]      | qh[32]:   | qs[128]: nibbles          |
 *         | fp16 | fp16 | 8 * (6 + 6 bit) | fifth bit |                           |
 *         +------+------+-----------------+-----------+---------------------------+
 *
 *    x = (d * scale) * code - (dmin * min), scale and min 0 to 63
 *
 *    scales[j], j = 0..3    bits 0-5 scale of sub-block j,     6-7 scale of j + 4, bits 4-5
 *    scales[j + 4]          bits 0-5 min of sub-block j,       6-7 min of j + 4, bits 4-5
 *    scales[j + 8]          bits 0-3 scale of j + 4, bits 0-3, 4-7 min of j + 4, bits 0-3
 *    qs[32 * k + i]         low nibble element 64 * k + i, high nibble 64 * k + 32 + i
 *    qh[i]                  bit j: fifth bit of element 32 * j + i
 * </pre>
 *
 * <p>Rule ({@code quantize_row_q4_K_ref} and its kin, ggml 0.21.0): {@link ScaleMinSearch} finds scale
 * and minimum of each sub-block, {@link ScaleMinHead} turns them into 6 bits, and the codes are
 * {@code nearest((x + dmin * min) / (d * scale))}. Where {@code d * scale} is 0, the codes of the
 * search stay.
 */
enum ScaleMinLayout {
  /** 4 bits. */
  Q4_K(4, ScaleMinTrials.Q4_K, ScaleMinTrials.Q4_K_WEIGHTED),
  /** 5 bits. */
  Q5_K(5, ScaleMinTrials.Q5_K, ScaleMinTrials.Q5_K_WEIGHTED);

  /** Sub-blocks of a super-block. */
  static final int GROUPS = 8;

  /** Elements of a sub-block. */
  static final int GROUP_ELEMENTS = SuperBlock.ELEMENTS / GROUPS;

  static final int SCALE = 0;
  static final int MIN_SCALE = SCALE + Short.BYTES;
  static final int SCALES = MIN_SCALE + Short.BYTES;
  static final int HIGH_BITS = SCALES + 12;
  static final int NIBBLES_BYTES = SuperBlock.ELEMENTS / 2;

  private final int bits;
  private final ScaleMinTrials trials;
  private final ScaleMinTrials weightedTrials;

  ScaleMinLayout(int bits, ScaleMinTrials trials, ScaleMinTrials weightedTrials) {
    this.bits = bits;
    this.trials = trials;
    this.weightedTrials = weightedTrials;
  }

  /** Whether there is a fifth bit. */
  boolean hasHighBits() {
    return bits == 5;
  }

  /** Where the nibbles begin. */
  int nibbles() {
    return hasHighBits() ? HIGH_BITS + GROUP_ELEMENTS : HIGH_BITS;
  }

  int byteLength() {
    return nibbles() + NIBBLES_BYTES;
  }

  int maxCode() {
    return trials.maxCode();
  }

  /** Writes a sub-block's 6 bits; those of lower sub-blocks first, as the upper ones share bytes. */
  static void putScale(byte[] block, int at, int group, int scale, int min) {
    int j = at + SCALES + group;
    if (group < GROUPS / 2) {
      block[j] = (byte) scale;
      block[j + 4] = (byte) min;
    } else {
      block[j + 4] = (byte) ((scale & 15) | ((min & 15) << 4));
      block[j - 4] |= (byte) ((scale >> 4) << 6);
      block[j] |= (byte) ((min >> 4) << 6);
    }
  }

  /** One of the two fp16 factors. */
  static float factor(byte[] block, int at) {
    return Float.float16ToFloat((short) ((block[at] & 0xff) | (block[at + 1] << 8)));
  }

  /** The 6-bit scale of a sub-block. */
  static int scale(byte[] block, int at, int group) {
    int j = at + SCALES + group;
    return group < GROUPS / 2
        ? block[j] & 63
        : (block[j + 4] & 15) | (((block[j - 4] & 0xff) >> 6) << 4);
  }

  /** The 6-bit minimum of a sub-block. */
  static int min(byte[] block, int at, int group) {
    int j = at + SCALES + group;
    return group < GROUPS / 2
        ? block[j + 4] & 63
        : ((block[j + 4] & 0xff) >> 4) | (((block[j] & 0xff) >> 6) << 4);
  }

  /** The scales that the search tries, with or without importances. */
  ScaleMinTrials trials(boolean weighted) {
    return weighted ? weightedTrials : trials;
  }
}
