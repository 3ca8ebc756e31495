package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q6KLayout.GROUP_ELEMENTS;

/**
 * The scale of 16 values that leaves the least weighted square error, in ggml's
 * order of operations ({@code make_qx_quants} with {@code rmse_type} 1, ggml 0.21.0). The weights are
 * the importances, or the squares of the values.
 */
final class ScaleSearch {
  /** Trials on either side of the scale that the greatest value suggests. */
  static final int TRIALS = 9;

  private final float[] values;
  private final float[] weights = new float[GROUP_ELEMENTS];
  private final ScaleFit fit;
  private final int bias;
  private float productSum;
  private float squareSum;

  /**
   * A search.
   *
   * @param values in runs of 16
   * @param fit receives the results
   * @param bias codes go from {@code -bias} to {@code bias - 1}
   */
  ScaleSearch(float[] values, ScaleFit fit, int bias) {
    this.values = values;
    this.fit = fit;
    this.bias = bias;
  }

  /** What is divided by the greatest value to get the factor from values to codes. */
  static float codes(int bias, int trial) {
    return -(bias + 0.1f * trial);
  }

  void run(int lane, float[] importances, boolean weighted) {
    int from = lane * GROUP_ELEMENTS;
    for (int i = 0; i < GROUP_ELEMENTS; i++) {
      float value = values[from + i];
      weights[i] = weighted ? importances[from + i] : value * value;
    }
    float extreme = extreme(from);
    fit.scales[lane] = 0;
    fit.inverses[lane] = 0;
    if (Math.abs(extreme) < SuperBlock.LEAST_MAGNITUDE) {
      return;
    }
    float inverse = -bias / extreme;
    sum(from, inverse);
    float scale = squareSum != 0 ? productSum / squareSum : 0;
    float best = scale * productSum;
    for (int trial = -TRIALS; trial <= TRIALS; trial++) {
      if (trial != 0) {
        float tried = codes(bias, trial) / extreme;
        sum(from, tried);
        if (squareSum > 0 && productSum * productSum > best * squareSum) {
          inverse = tried;
          scale = productSum / squareSum;
          best = scale * productSum;
        }
      }
    }
    fit.scales[lane] = scale;
    fit.inverses[lane] = inverse;
  }

  /** The first value of greatest magnitude. */
  private float extreme(int from) {
    float magnitude = 0;
    float extreme = 0;
    for (int i = 0; i < GROUP_ELEMENTS; i++) {
      float value = values[from + i];
      if (Math.abs(value) > magnitude) {
        magnitude = Math.abs(value);
        extreme = value;
      }
    }
    return extreme;
  }

  private void sum(int from, float inverse) {
    productSum = 0;
    squareSum = 0;
    for (int i = 0; i < GROUP_ELEMENTS; i++) {
      float value = values[from + i];
      int code = SuperBlock.nearest(inverse * value, -bias, bias - 1);
      productSum += weights[i] * value * code;
      squareSum += weights[i] * code * code;
    }
  }
}
