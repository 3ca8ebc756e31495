package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q2KLayout.GROUP_ELEMENTS;

/** How much the error of each value of {@code q2_K} counts. */
final class Q2KWeights {
  private Q2KWeights() {}

  /** Without importances: the magnitude. */
  static void plain(float[] values, int from, float[] weights) {
    for (int i = 0; i < GROUP_ELEMENTS; i++) {
      weights[i] = Math.abs(values[from + i]);
    }
  }

  /** The mean square of a super-block, summed from its first value to its last. */
  static float variance(float[] values, int from) {
    float sum = 0;
    for (int i = 0; i < SuperBlock.ELEMENTS; i++) {
      sum += values[from + i] * values[from + i];
    }
    return sum / SuperBlock.ELEMENTS;
  }

  /** With importances. */
  static void weighted(
      float[] values, float[] importances, int from, float variance, float[] weights) {
    for (int i = 0; i < GROUP_ELEMENTS; i++) {
      float value = values[from + i];
      weights[i] = importances[from + i] * (float) Math.sqrt(variance + value * value);
    }
  }
}
