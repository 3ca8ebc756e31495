package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q6KLayout.GROUPS;

import java.util.Arrays;

/** Turns the scales of a super-block into a byte each and an fp16 factor, and writes them. */
final class Q6KHead {
  /** What the codes of each sub-block will be multiplied with. */
  final float[] scales = new float[GROUPS];

  /**
   * Writes the scales.
   *
   * @return false if there are none: then the block is written, all zeros
   */
  boolean write(ScaleFit fit, int firstLane, byte[] block, int at) {
    float extreme = extreme(fit.scales, firstLane);
    if (Math.abs(extreme) < SuperBlock.LEAST_MAGNITUDE) {
      Arrays.fill(block, at, at + Q6KLayout.BYTES, (byte) 0);
      return false;
    }
    float inverse = -128f / extreme;
    short factor = Float.floatToFloat16(1 / inverse);
    block[at + Q6KLayout.SCALE] = (byte) factor;
    block[at + Q6KLayout.SCALE + 1] = (byte) (factor >> 8);
    for (int group = 0; group < GROUPS; group++) {
      int code = Math.min(127, SuperBlock.nearest(inverse * fit.scales[firstLane + group]));
      block[at + Q6KLayout.SCALES + group] = (byte) code;
      scales[group] = Float.float16ToFloat(factor) * (byte) code;
    }
    return true;
  }

  /** Whether some sub-block's codes are those of the search. */
  boolean hasZeroScale() {
    boolean zero = false;
    for (float scale : scales) {
      zero |= scale == 0;
    }
    return zero;
  }

  private static float extreme(float[] scales, int from) {
    float magnitude = 0;
    float extreme = 0;
    for (int group = 0; group < GROUPS; group++) {
      float scale = scales[from + group];
      if (Math.abs(scale) > magnitude) {
        magnitude = Math.abs(scale);
        extreme = scale;
      }
    }
    return extreme;
  }
}
