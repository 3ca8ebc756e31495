package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q3KLayout.GROUPS;
import static io.tensorbridge.quantize.internal.kernel.Q3KLayout.SCALE_BIAS;

import java.util.Arrays;

/** Turns the scales of a super-block into 6 bits each and an fp16 factor, and writes them. */
final class Q3KHead {
  /** What the codes of each sub-block will be multiplied with. */
  final float[] scales = new float[GROUPS];

  /** Writes the scales; without any, all are 0. */
  void write(float[] found, int firstLane, byte[] block, int at) {
    clear(block, at);
    float extreme = extreme(found, firstLane);
    float factor = 0;
    if (extreme != 0) {
      float inverse = -SCALE_BIAS / extreme;
      factor = 1 / inverse;
      for (int group = 0; group < GROUPS; group++) {
        // A byte in ggml before it is limited, so that it wraps around.
        byte code = (byte) SuperBlock.nearest(inverse * found[firstLane + group]);
        int limited = Math.max(-SCALE_BIAS, Math.min(SCALE_BIAS - 1, code));
        Q3KLayout.putScale(block, at, group, limited + SCALE_BIAS);
      }
    }
    finish(factor, block, at);
  }

  /**
   * Writes scales whose factor was searched.
   *
   * @param inverse what turns scales into codes; 0 if all are 0
   * @param factor what turns codes into scales
   */
  void write(
      float[] found, int firstLane, float inverse, float factor, byte[] block, int at) {
    clear(block, at);
    if (inverse != 0) {
      for (int group = 0; group < GROUPS; group++) {
        float scale = inverse * found[firstLane + group];
        int code = SuperBlock.nearest(scale, -SCALE_BIAS, SCALE_BIAS - 1);
        Q3KLayout.putScale(block, at, group, code + SCALE_BIAS);
      }
    }
    finish(factor, block, at);
  }

  private static void clear(byte[] block, int at) {
    int first = at + Q3KLayout.SCALES;
    Arrays.fill(block, first, first + Q3KLayout.SCALES_BYTES, (byte) 0);
  }

  private void finish(float factor, byte[] block, int at) {
    short bits = Float.floatToFloat16(factor);
    block[at + Q3KLayout.SCALE] = (byte) bits;
    block[at + Q3KLayout.SCALE + 1] = (byte) (bits >> 8);
    for (int group = 0; group < GROUPS; group++) {
      scales[group] = Float.float16ToFloat(bits) * Q3KLayout.scale(block, at, group);
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

  private static float extreme(float[] scales, int from) {
    float extreme = 0;
    for (int group = 0; group < GROUPS; group++) {
      float scale = scales[from + group];
      extreme = Math.abs(scale) > Math.abs(extreme) ? scale : extreme;
    }
    return extreme;
  }
}
