package io.tensorbridge.quantize.internal.kernel;

import java.util.Arrays;

/**
 * The scale that turns a few numbers, none of them negative, into small integers with the least
 * weighted square error, in ggml's order of operations ({@code make_qp_quants}, ggml 0.21.0): nine
 * scales are tried, then single codes are changed for as long as that helps.
 */
final class PositiveScale {
  private static final int TRIALS = 4;
  private static final int ROUNDS = 5;

  private final int maxCode;

  /** The codes that were found; bytes in ggml, so that they wrap around. */
  final int[] codes;

  private float productSum;
  private float squareSum;

  PositiveScale(int count, int maxCode) {
    this.maxCode = maxCode;
    this.codes = new int[count];
  }

  /**
   * Finds scale and codes.
   *
   * @param values an array of which a run counts
   * @param weights as long, the run at the same place
   * @param from where the run begins
   * @return the scale
   */
  float find(float[] values, float[] weights, int from) {
    float max = 0;
    for (int i = 0; i < codes.length; i++) {
      max = values[from + i] > max ? values[from + i] : max;
    }
    if (max < SuperBlock.LEAST_MAGNITUDE) {
      Arrays.fill(codes, 0);
      return 0;
    }
    encode(values, weights, from, bestInverse(values, weights, from, max));
    int round = 0;
    while (round < ROUNDS && improve(values, weights, from)) {
      round++;
    }
    return squareSum > 0 ? productSum / squareSum : 0;
  }

  private float bestInverse(float[] values, float[] weights, int from, float max) {
    float best = maxCode / max;
    float least = error(values, weights, from, best, 255);
    for (int trial = -TRIALS; trial <= TRIALS; trial++) {
      if (trial != 0) {
        float inverse = (0.1f * trial + maxCode) / max;
        float error = error(values, weights, from, inverse, -1);
        if (error < least) {
          least = error;
          best = inverse;
        }
      }
    }
    return best;
  }

  /** The error of a scale; its first codes are bytes and not limited, the later ones are. */
  private float error(float[] values, float[] weights, int from, float inverse, int mask) {
    float scale = 1 / inverse;
    float sum = 0;
    for (int i = 0; i < codes.length; i++) {
      int code = SuperBlock.nearest(inverse * values[from + i]);
      code = mask < 0 ? Math.min(maxCode, code) : code & mask;
      float difference = values[from + i] - scale * code;
      sum += weights[from + i] * difference * difference;
    }
    return sum;
  }

  private void encode(float[] values, float[] weights, int from, float inverse) {
    productSum = 0;
    squareSum = 0;
    for (int i = 0; i < codes.length; i++) {
      int code = Math.min(maxCode, SuperBlock.nearest(inverse * values[from + i]));
      codes[i] = code & 255;
      productSum += weights[from + i] * values[from + i] * code;
      squareSum += weights[from + i] * code * code;
    }
  }

  private boolean improve(float[] values, float[] weights, int from) {
    boolean changed = false;
    for (int i = 0; i < codes.length; i++) {
      float value = values[from + i];
      float weight = weights[from + i];
      float products = productSum - weight * value * codes[i];
      float squares = squareSum - weight * codes[i] * codes[i];
      if (products > 0 && squares > 0) {
        int code = Math.min(maxCode, SuperBlock.nearest(value * squares / products));
        if (code != codes[i]) {
          products += weight * value * code;
          squares += weight * code * code;
          if (products * products * squareSum > productSum * productSum * squares) {
            codes[i] = code & 255;
            productSum = products;
            squareSum = squares;
            changed = true;
          }
        }
      }
    }
    return changed;
  }
}
