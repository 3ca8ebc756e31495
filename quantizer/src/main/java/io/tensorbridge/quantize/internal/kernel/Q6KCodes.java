package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q6KLayout.BIAS;
import static io.tensorbridge.quantize.internal.kernel.Q6KLayout.GROUPS;
import static io.tensorbridge.quantize.internal.kernel.Q6KLayout.GROUP_ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.Q6KLayout.HALF_ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.Q6KLayout.QUARTER_ELEMENTS;

/** The codes of a super-block of {@code q6_K}, from values to packed bits. */
final class Q6KCodes {
  private final int[] codes = new int[SuperBlock.ELEMENTS];

  /**
   * Encodes and packs a super-block whose scales are written.
   *
   * @param values of a tile
   * @param block the super-block in the tile
   * @param fit what the search found, for scales that became 0
   * @param head the scales as written
   * @param bytes receives the codes
   * @param at where the block begins
   */
  void write(float[] values, int block, ScaleFit fit, Q6KHead head, byte[] bytes, int at) {
    for (int group = 0; group < GROUPS; group++) {
      int lane = block * GROUPS + group;
      if (head.scales[group] == 0) {
        search(values, lane, fit.inverses[lane], group);
      } else {
        encode(values, lane, head.scales[group], group);
      }
    }
    for (int half = 0; half < 2; half++) {
      int low = at + Q6KLayout.LOW_BITS + half * HALF_ELEMENTS / 2;
      int high = at + Q6KLayout.HIGH_BITS + half * HALF_ELEMENTS / 4;
      pack(half * HALF_ELEMENTS, bytes, low, high);
    }
  }

  /** The codes of the search; those of a sub-block of zeros have no bias. */
  private void search(float[] values, int lane, float inverse, int group) {
    int bias = inverse == 0 ? 0 : BIAS;
    for (int i = 0; i < GROUP_ELEMENTS; i++) {
      float code = inverse * values[lane * GROUP_ELEMENTS + i];
      codes[group * GROUP_ELEMENTS + i] = SuperBlock.nearest(code, -BIAS, BIAS - 1) + bias;
    }
  }

  private void encode(float[] values, int lane, float scale, int group) {
    for (int i = 0; i < GROUP_ELEMENTS; i++) {
      float code = values[lane * GROUP_ELEMENTS + i] / scale;
      codes[group * GROUP_ELEMENTS + i] = SuperBlock.nearest(code, -BIAS, BIAS - 1) + BIAS;
    }
  }

  private void pack(int from, byte[] bytes, int low, int high) {
    for (int i = 0; i < QUARTER_ELEMENTS; i++) {
      int a = codes[from + i];
      int b = codes[from + QUARTER_ELEMENTS + i];
      int c = codes[from + 2 * QUARTER_ELEMENTS + i];
      int d = codes[from + 3 * QUARTER_ELEMENTS + i];
      bytes[low + i] = (byte) ((a & 15) | ((c & 15) << 4));
      bytes[low + QUARTER_ELEMENTS + i] = (byte) ((b & 15) | ((d & 15) << 4));
      bytes[high + i] = (byte) ((a >> 4) | (b >> 4 << 2) | (c >> 4 << 4) | (d >> 4 << 6));
    }
  }
}
