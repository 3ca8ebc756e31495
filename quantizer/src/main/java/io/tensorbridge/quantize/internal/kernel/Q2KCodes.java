package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q2KLayout.GROUPS;
import static io.tensorbridge.quantize.internal.kernel.Q2KLayout.GROUP_ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.Q2KLayout.MAX_CODE;

/** The codes of a super-block of {@code q2_K}, from values to packed bits. */
final class Q2KCodes {
  private final byte[] codes = new byte[SuperBlock.ELEMENTS];

  /**
   * Encodes and packs a super-block whose scales are written.
   *
   * @param values an array that holds the super-block
   * @param from where it begins there
   * @param fit what the search found, for scales that became 0
   * @param firstLane the first sub-block there
   * @param head the scales as written
   * @param bytes receives the codes
   * @param at where the block begins
   */
  void write(
      float[] values,
      int from,
      ScaleMinFit fit,
      int firstLane,
      Q2KHead head,
      byte[] bytes,
      int at) {
    for (int group = 0; group < GROUPS; group++) {
      float scale = head.scales[group];
      float min = head.mins[group];
      float inverse = fit.inverses[firstLane + group];
      float offset = fit.offsets[firstLane + group];
      int first = group * GROUP_ELEMENTS;
      for (int i = first; i < first + GROUP_ELEMENTS; i++) {
        float value = values[from + i];
        float code = scale == 0 ? inverse * (value - offset) : (value + min) / scale;
        codes[i] = (byte) SuperBlock.nearest(code, 0, MAX_CODE);
      }
    }
    TwoBits.pack(codes, bytes, at + Q2KLayout.CODES);
  }
}
