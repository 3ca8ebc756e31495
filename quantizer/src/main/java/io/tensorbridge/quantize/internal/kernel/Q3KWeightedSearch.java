package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q3KLayout.BIAS;
import static io.tensorbridge.quantize.internal.kernel.Q3KLayout.GROUPS;
import static io.tensorbridge.quantize.internal.kernel.Q3KLayout.GROUP_ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.Q3KLayout.SCALE_BIAS;

/**
 * The scales of a super-block with importances ({@code quantize_row_q3_K_impl}, ggml 0.21.0): {@link
 * ScaleSearch} for each sub-block, and once more for the scales themselves, each of which counts as
 * much as the values of its sub-block together.
 */
final class Q3KWeightedSearch {
  private final float[] values;
  private final float[] importances;
  private final float[] weights = new float[SuperBlockTile.ELEMENTS];
  private final float[] sums = new float[DescentFit.LANES];
  private final ScaleFit found = new ScaleFit();
  private final ScaleFit factors = new ScaleFit();
  private final ScaleSearch search;
  private final ScaleSearch factorSearch;
  private final DescentFit fit;

  /**
   * A search.
   *
   * @param values of a tile
   * @param importances of the same tile
   * @param fit receives the scales and codes of sub-blocks
   */
  Q3KWeightedSearch(float[] values, float[] importances, DescentFit fit) {
    this.values = values;
    this.importances = importances;
    this.fit = fit;
    this.search = new ScaleSearch(values, found, BIAS);
    this.factorSearch = new ScaleSearch(found.scales, factors, SCALE_BIAS);
  }

  /** Searches a super-block and writes its scales. */
  void run(int block, Q3KHead head, byte[] bytes, int at) {
    weigh(block);
    for (int lane = block * GROUPS; lane < (block + 1) * GROUPS; lane++) {
      search.run(lane, weights, true);
      fit.scales[lane] = found.scales[lane];
      encode(lane, found.inverses[lane]);
    }
    factorSearch.run(block, sums, true);
    float inverse = factors.inverses[block];
    head.write(fit.scales, block * GROUPS, inverse, factors.scales[block], bytes, at);
  }

  private void weigh(int block) {
    int from = block * SuperBlock.ELEMENTS;
    float variance = ScaleMinWeights.variance(values, from);
    for (int i = from; i < from + SuperBlock.ELEMENTS; i++) {
      weights[i] = importances[i] * (float) Math.sqrt(variance + values[i] * values[i]);
    }
    for (int lane = block * GROUPS; lane < (block + 1) * GROUPS; lane++) {
      float sum = 0;
      for (int i = 0; i < GROUP_ELEMENTS; i++) {
        sum += weights[lane * GROUP_ELEMENTS + i];
      }
      sums[lane] = sum;
    }
  }

  /** Codes of the search; those of a sub-block of zeros have no bias. */
  private void encode(int lane, float inverse) {
    int first = lane * GROUP_ELEMENTS;
    int bias = inverse == 0 ? 0 : BIAS;
    for (int i = first; i < first + GROUP_ELEMENTS; i++) {
      int code = SuperBlock.nearest(inverse * values[i], -BIAS, BIAS - 1);
      fit.codes[i] = (byte) (code + bias);
    }
  }
}
