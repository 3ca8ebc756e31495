package io.tensorbridge.quantize.internal.kernel;

/**
 * The scale and minimum of a sub-block that leave the least weighted square error, in ggml's order of
 * operations ({@code make_qkx2_quants}, {@code make_qkx3_quants}, ggml 0.21.0): for each trial scale,
 * the codes, then the straight line through them by least squares.
 */
final class ScaleMinSearch {
  private final float[] values;
  private final float[] weights;
  private final int[] codes;
  private final int elements;
  private final ScaleMinFit fit;
  private final ScaleMinTrials trials;
  private float low;
  private float high;
  private float weightSum;
  private float valueSum;
  private float least;

  /**
   * A search.
   *
   * @param values of a tile
   * @param weights of one sub-block
   * @param fit receives the result
   * @param trials what to try
   */
  ScaleMinSearch(float[] values, float[] weights, ScaleMinFit fit, ScaleMinTrials trials) {
    this.values = values;
    this.weights = weights;
    this.fit = fit;
    this.trials = trials;
    this.elements = trials.groupElements();
    this.codes = new int[elements];
  }

  void run(int lane) {
    int from = lane * elements;
    sum(from);
    float min = low;
    float scale = 0;
    fit.inverses[lane] = 0;
    fit.offsets[lane] = min;
    if (high > min) {
      float inverse = trials.maxCode() / (high - min);
      scale = 1 / inverse;
      encode(from, inverse, min, trials.maxCode());
      least = error(from, scale, min);
      fit.inverses[lane] = inverse;
      for (int trial = 0; trial < trials.count(); trial++) {
        inverse = trials.codes(trial) / (high - min);
        encode(from, inverse, min, trials.maxCode());
        Line line = line(from);
        if (line.determinant > 0) {
          float error = error(from, line.scale, line.min);
          if (error < least) {
            least = error;
            fit.inverses[lane] = inverse;
            fit.offsets[lane] = min;
            scale = line.scale;
            min = line.min;
          }
        }
      }
    }
    fit.scales[lane] = scale;
    fit.mins[lane] = -min;
    fit.weightSums[lane] = weightSum;
  }

  private void sum(int from) {
    low = values[from];
    high = low;
    weightSum = weights[0];
    valueSum = weights[0] * low;
    for (int i = 1; i < elements; i++) {
      float value = values[from + i];
      low = value < low ? value : low;
      high = value > high ? value : high;
      weightSum += weights[i];
      valueSum += weights[i] * value;
    }
    low = low > 0 ? 0 : low;
  }

  private void encode(int from, float inverse, float min, int maxCode) {
    for (int i = 0; i < elements; i++) {
      codes[i] = SuperBlock.nearest(inverse * (values[from + i] - min), 0, maxCode);
    }
  }

  /** A straight line from codes to values; without a determinant above 0 there is none. */
  private record Line(float determinant, float scale, float min) {}

  private Line line(int from) {
    float codeSum = 0;
    float squareSum = 0;
    float productSum = 0;
    for (int i = 0; i < elements; i++) {
      float weighted = weights[i] * codes[i];
      codeSum += weighted;
      squareSum += weighted * codes[i];
      productSum += weighted * values[from + i];
    }
    float determinant = weightSum * squareSum - codeSum * codeSum;
    float min = (squareSum * valueSum - codeSum * productSum) / determinant;
    return min > 0
        ? new Line(determinant, productSum / squareSum, 0)
        : new Line(
            determinant, (weightSum * productSum - valueSum * codeSum) / determinant, min);
  }

  private float error(int from, float scale, float min) {
    float sum = 0;
    for (int i = 0; i < elements; i++) {
      float difference = scale * codes[i] + min - values[from + i];
      float error = trials.absolute() ? Math.abs(difference) : difference * difference;
      sum += weights[i] * error;
    }
    return sum;
  }
}
