package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q2KLayout.GROUPS;

/**
 * Turns scales and minima of a super-block into 4 bits each and two fp16 factors, and writes them;
 * with importances, the factors with the least error are looked for, too.
 */
final class Q2KHead {
  private static final int MAX = 15;

  /** What the codes of each sub-block will be multiplied with. */
  final float[] scales = new float[GROUPS];

  /** What will be subtracted from each sub-block's values. */
  final float[] mins = new float[GROUPS];

  private final PositiveScale scaleSearch = new PositiveScale(GROUPS, MAX);
  private final PositiveScale minSearch = new PositiveScale(GROUPS, MAX);

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
    float writtenScale = put(block, at + Q2KLayout.SCALE, scale);
    float writtenMin = put(block, at + Q2KLayout.MIN_SCALE, min);
    for (int group = 0; group < GROUPS; group++) {
      int codes = scaleSearch.codes[group] | (minSearch.codes[group] << 4);
      block[at + Q2KLayout.SCALES + group] = (byte) codes;
      scales[group] = writtenScale * Q2KLayout.scale(block, at, group);
      mins[group] = writtenMin * Q2KLayout.min(block, at, group);
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

  /** The greatest becomes 15; codes are bytes, so that they wrap around as in ggml. */
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

  /** Writes a factor and returns it as it can be read again. */
  private static float put(byte[] block, int at, float factor) {
    short bits = Float.floatToFloat16(factor);
    block[at] = (byte) bits;
    block[at + 1] = (byte) (bits >> 8);
    return Float.float16ToFloat(bits);
  }
}
