package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q2KLayout.GROUPS;
import static io.tensorbridge.quantize.internal.kernel.Q2KLayout.GROUP_ELEMENTS;

import java.lang.foreign.MemorySegment;

/** The reference for {@link Q2KLayout}. */
final class ScalarQ2K extends SuperBlockKernel {
  @Override
  SuperBlockTile newTile(boolean weighted) {
    return new Tile(weighted);
  }

  private static final class Tile extends SuperBlockTile {
    private final boolean weighted;
    private final float[] block = new float[SuperBlock.ELEMENTS];
    private final float[] weights = new float[GROUP_ELEMENTS];
    private final ScaleMinFit fit = new ScaleMinFit();
    private final ScaleMinSearch search;
    private final Q2KHead head = new Q2KHead();
    private final Q2KCodes codes = new Q2KCodes();

    Tile(boolean weighted) {
      super(Q2KLayout.BYTES, weighted);
      this.weighted = weighted;
      ScaleMinTrials trials = weighted ? ScaleMinTrials.Q2_K_WEIGHTED : ScaleMinTrials.Q2_K;
      this.search = new ScaleMinSearch(block, weights, fit, trials);
    }

    @Override
    void quantize(int blocks) {
      for (int i = 0; i < blocks; i++) {
        int from = i * SuperBlock.ELEMENTS;
        int at = i * Q2KLayout.BYTES;
        System.arraycopy(values, from, block, 0, SuperBlock.ELEMENTS);
        search(from);
        head.write(fit, 0, weighted, bytes, at);
        codes.write(values, from, fit, 0, head, bytes, at);
      }
    }

    private void search(int from) {
      float variance = weighted ? Q2KWeights.variance(values, from) : 0;
      for (int group = 0; group < GROUPS; group++) {
        int first = from + group * GROUP_ELEMENTS;
        if (weighted) {
          Q2KWeights.weighted(values, importances, first, variance, weights);
        } else {
          Q2KWeights.plain(values, first, weights);
        }
        search.run(group);
      }
    }
  }

  @Override
  public void dequantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    byte[] bytes = new byte[Q2KLayout.BYTES];
    float[] values = new float[SuperBlock.ELEMENTS];
    for (int block = 0; block < blocks; block++) {
      Strip.load(source, sourceOffset + (long) block * bytes.length, bytes, bytes.length);
      float scale = Q2KLayout.factor(bytes, Q2KLayout.SCALE);
      float min = Q2KLayout.factor(bytes, Q2KLayout.MIN_SCALE);
      for (int group = 0; group < GROUPS; group++) {
        float groupScale = scale * Q2KLayout.scale(bytes, 0, group);
        float groupMin = min * Q2KLayout.min(bytes, 0, group);
        decode(bytes, group, groupScale, groupMin, values);
      }
      long to = targetOffset + 4L * block * SuperBlock.ELEMENTS;
      Strip.store(values, SuperBlock.ELEMENTS, target, to);
    }
  }

  private static void decode(byte[] bytes, int group, float scale, float min, float[] values) {
    int first = group * GROUP_ELEMENTS;
    int from = Q2KLayout.CODES + TwoBits.place(first);
    int shift = TwoBits.shift(first);
    for (int i = 0; i < GROUP_ELEMENTS; i++) {
      values[first + i] = scale * ((bytes[from + i] >> shift) & 3) - min;
    }
  }
}
