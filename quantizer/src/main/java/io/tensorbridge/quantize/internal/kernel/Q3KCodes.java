package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q3KLayout.BIAS;
import static io.tensorbridge.quantize.internal.kernel.Q3KLayout.GROUPS;
import static io.tensorbridge.quantize.internal.kernel.Q3KLayout.GROUP_ELEMENTS;

/** The codes of a super-block of {@code q3_K}, from values to packed bits. */
final class Q3KCodes {
  private final byte[] codes = new byte[SuperBlock.ELEMENTS];

  /**
   * Encodes and packs a super-block whose scales are written.
   *
   * @param values of a tile
   * @param block the super-block in the tile
   * @param searched the codes that were found, for scales that became 0
   * @param head the scales as written
   * @param bytes receives the codes
   * @param at where the block begins
   */
  void write(float[] values, int block, byte[] searched, Q3KHead head, byte[] bytes, int at) {
    for (int group = 0; group < GROUPS; group++) {
      int from = (block * GROUPS + group) * GROUP_ELEMENTS;
      float scale = head.scales[group];
      if (scale == 0) {
        System.arraycopy(searched, from, codes, group * GROUP_ELEMENTS, GROUP_ELEMENTS);
      } else {
        for (int i = 0; i < GROUP_ELEMENTS; i++) {
          int code = SuperBlock.nearest(values[from + i] / scale, -BIAS, BIAS - 1);
          codes[group * GROUP_ELEMENTS + i] = (byte) (code + BIAS);
        }
      }
    }
    TwoBits.pack(codes, bytes, at + Q3KLayout.LOW_BITS);
    packHigh(bytes, at + Q3KLayout.HIGH_BITS);
  }

  private void packHigh(byte[] bytes, int at) {
    for (int i = 0; i < TwoBits.RUN_ELEMENTS; i++) {
      int high = 0;
      for (int run = 0; run < 8; run++) {
        high |= (codes[run * TwoBits.RUN_ELEMENTS + i] >> 2) << run;
      }
      bytes[at + i] = (byte) high;
    }
  }
}
