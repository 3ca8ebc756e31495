package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.ScaleMinLayout.GROUP_ELEMENTS;

/** How much the error of each value of {@code q4_K} and {@code q5_K} counts. */
final class ScaleMinWeights {
  private ScaleMinWeights() {}

  /** Without importances: the root mean square of the sub-block, and the value's magnitude. */
  static void plain(float[] values, int from, float[] weights) {
    float sum = 0;
    for (int i = 0; i < GROUP_ELEMENTS; i++) {
      sum += values[from + i] * values[from + i];
    }
    float rms = (float) Math.sqrt(sum / GROUP_ELEMENTS);
    for (int i = 0; i < GROUP_ELEMENTS; i++) {
      weights[i] = rms + Math.abs(values[from + i]);
    }
  }

  /** Twice the mean square of a super-block, summed from its first value to its last. */
  static float variance(float[] values, int from) {
    float sum = 0;
    for (int i = 0; i < SuperBlock.ELEMENTS; i++) {
      sum += values[from + i] * values[from + i];
    }
    return 2 * sum / SuperBlock.ELEMENTS;
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
