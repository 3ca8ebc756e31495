package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.ScaleMinLayout.GROUPS;

/**
 * Turns scales and minima of a super-block into 6 bits each and two fp16 factors, and writes them;
 * with importances, the factors with the least error are looked for, too.
 */
final class ScaleMinHead {
  private static final int MAX = 63;

  /** What the codes of each sub-block will be multiplied with. */
  final float[] scales = new float[GROUPS];

  /** What will be subtracted from each sub-block's values. */
  final float[] mins = new float[GROUPS];

  private final ScaleMinLayout layout;
  private final PositiveScale scaleSearch = new PositiveScale(GROUPS, MAX);
  private final PositiveScale minSearch = new PositiveScale(GROUPS, MAX);

  ScaleMinHead(ScaleMinLayout layout) {
    this.layout = layout;
  }

  void write(ScaleMinFit fit, int firstLane, boolean weighted, byte[] block, int at) {
    float scale;
    float min;
    if (weighted) {
      scale = scaleSearch.find(fit.scales, fit.weightSums, firstLane);
      min = minSearch.find(fit.mins, fit.weightSums, firstLane);
    } else {
      scale = byGreatest(fit.scales, firstLane, scaleSearch.codes);
      min = byGreatest(fit.mins, firstLane, minSearch.codes);
    }
    int most = weighted && !layout.hasHighBits() ? 255 : MAX;
    for (int group = 0; group < GROUPS; group++) {
      ScaleMinLayout.putScale(
          block,
          at,
          group,
          Math.min(most, scaleSearch.codes[group]),
          Math.min(most, minSearch.codes[group]));
    }
    short scaleBits = Float.floatToFloat16(scale);
    short minBits = Float.floatToFloat16(min);
    putShort(block, at + ScaleMinLayout.SCALE, scaleBits);
    putShort(block, at + ScaleMinLayout.MIN_SCALE, minBits);
    for (int group = 0; group < GROUPS; group++) {
      scales[group] =
          Float.float16ToFloat(scaleBits) * ScaleMinLayout.scale(block, at, group);
      mins[group] = Float.float16ToFloat(minBits) * ScaleMinLayout.min(block, at, group);
    }
  }

  /** Whether some sub-block's codes are those of the search. */
  boolean hasZeroScale() {
    boolean zero = false;
    for (float scale : scales) {
      zero |= scale == 0;
    }
    return zero;
  }

  /** The greatest becomes 63; codes are bytes, so that they wrap around as in ggml. */
  private static float byGreatest(float[] values, int from, int[] codes) {
    float greatest = 0;
    for (int group = 0; group < GROUPS; group++) {
      greatest = values[from + group] > greatest ? values[from + group] : greatest;
    }
    float inverse = greatest > 0 ? MAX / greatest : 0;
    for (int group = 0; group < GROUPS; group++) {
      codes[group] = SuperBlock.nearest(inverse * values[from + group]) & 255;
    }
    return greatest / MAX;
  }

  private static void putShort(byte[] block, int at, short bits) {
    block[at] = (byte) bits;
    block[at + 1] = (byte) (bits >> 8);
  }
}
