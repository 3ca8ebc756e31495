package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q3KLayout.BIAS;
import static io.tensorbridge.quantize.internal.kernel.Q3KLayout.GROUP_ELEMENTS;

import java.util.Arrays;

/**
 * The scale of a sub-block that leaves the least square error, each weighted with the square of its
 * value, in ggml's order of operations ({@code make_q3_quants}, ggml 0.21.0): beginning with the
 * codes that the extreme suggests, single codes are changed for as long as that helps, at most five
 * times over the sub-block.
 */
final class CodeDescent {
  /** Times that the codes are gone through. */
  static final int ROUNDS = 5;

  private final float[] values;
  private final DescentFit fit;
  private final int[] codes = new int[GROUP_ELEMENTS];
  private float productSum;
  private float squareSum;

  /**
   * A search.
   *
   * @param values of a tile
   * @param fit receives the result
   */
  CodeDescent(float[] values, DescentFit fit) {
    this.values = values;
    this.fit = fit;
  }

  void run(int lane) {
    int from = lane * GROUP_ELEMENTS;
    float extreme = extreme(from);
    if (Math.abs(extreme) < SuperBlock.LEAST_MAGNITUDE) {
      fit.scales[lane] = 0;
      Arrays.fill(fit.codes, from, from + GROUP_ELEMENTS, (byte) 0);
      return;
    }
    begin(from, -BIAS / extreme);
    int round = 0;
    while (round < ROUNDS && improve(from)) {
      round++;
    }
    fit.scales[lane] = squareSum > 0 ? productSum / squareSum : 0;
    for (int i = 0; i < GROUP_ELEMENTS; i++) {
      fit.codes[from + i] = (byte) (codes[i] + BIAS);
    }
  }

  private float extreme(int from) {
    float extreme = 0;
    for (int i = from; i < from + GROUP_ELEMENTS; i++) {
      extreme = Math.abs(values[i]) > Math.abs(extreme) ? values[i] : extreme;
    }
    return extreme;
  }

  private void begin(int from, float inverse) {
    productSum = 0;
    squareSum = 0;
    for (int i = 0; i < GROUP_ELEMENTS; i++) {
      float value = values[from + i];
      float weight = value * value;
      int code = SuperBlock.nearest(inverse * value, -BIAS, BIAS - 1);
      codes[i] = code;
      productSum += weight * value * code;
      squareSum += weight * code * code;
    }
  }

  private boolean improve(int from) {
    boolean changed = false;
    for (int i = 0; i < GROUP_ELEMENTS; i++) {
      float value = values[from + i];
      float weight = value * value;
      float products = productSum - weight * value * codes[i];
      float squares = squareSum - weight * codes[i] * codes[i];
      if (products > 0) {
        int code = SuperBlock.nearest(value * squares / products, -BIAS, BIAS - 1);
        if (code != codes[i]) {
          products += weight * value * code;
          squares += weight * code * code;
          if (squares > 0
              && products * products * squareSum > productSum * productSum * squares) {
            codes[i] = code;
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
