package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.ScaleMinLayout.GROUPS;
import static io.tensorbridge.quantize.internal.kernel.ScaleMinLayout.GROUP_ELEMENTS;

/** The codes of a super-block of {@code q4_K} or {@code q5_K}, from values to packed bits. */
final class ScaleMinCodes {
  private final ScaleMinLayout layout;
  private final int[] codes = new int[SuperBlock.ELEMENTS];

  ScaleMinCodes(ScaleMinLayout layout) {
    this.layout = layout;
  }

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
  void write(
      float[] values, int block, ScaleMinFit fit, ScaleMinHead head, byte[] bytes, int at) {
    for (int group = 0; group < GROUPS; group++) {
      int lane = block * GROUPS + group;
      if (head.scales[group] == 0) {
        search(values, lane, fit.inverses[lane], fit.offsets[lane], group);
      } else {
        encode(values, lane, head.scales[group], head.mins[group], group);
      }
    }
    packNibbles(bytes, at + layout.nibbles());
    if (layout.hasHighBits()) {
      packHighBits(bytes, at + ScaleMinLayout.HIGH_BITS);
    }
  }

  private void search(float[] values, int lane, float inverse, float offset, int group) {
    for (int i = 0; i < GROUP_ELEMENTS; i++) {
      float code = inverse * (values[lane * GROUP_ELEMENTS + i] - offset);
      codes[group * GROUP_ELEMENTS + i] = SuperBlock.nearest(code, 0, layout.maxCode());
    }
  }

  private void encode(float[] values, int lane, float scale, float min, int group) {
    for (int i = 0; i < GROUP_ELEMENTS; i++) {
      float code = (values[lane * GROUP_ELEMENTS + i] + min) / scale;
      codes[group * GROUP_ELEMENTS + i] = SuperBlock.nearest(code, 0, layout.maxCode());
    }
  }

  private void packNibbles(byte[] bytes, int at) {
    for (int i = 0; i < SuperBlock.ELEMENTS / 2; i++) {
      int low = i / GROUP_ELEMENTS * GROUP_ELEMENTS + i;
      int high = low + GROUP_ELEMENTS;
      bytes[at + i] = (byte) ((codes[low] & 15) | ((codes[high] & 15) << 4));
    }
  }

  private void packHighBits(byte[] bytes, int at) {
    for (int i = 0; i < GROUP_ELEMENTS; i++) {
      int bits = 0;
      for (int group = 0; group < GROUPS; group++) {
        bits |= (codes[group * GROUP_ELEMENTS + i] >> 4) << group;
      }
      bytes[at + i] = (byte) bits;
    }
  }
}
