package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.ScaleMinLayout.GROUPS;
import static io.tensorbridge.quantize.internal.kernel.ScaleMinLayout.GROUP_ELEMENTS;

import java.lang.foreign.MemorySegment;

/** The reference for {@link ScaleMinLayout}: {@code q4_K} and {@code q5_K}. */
final class ScalarScaleMin extends SuperBlockKernel {
  private final ScaleMinLayout layout;

  ScalarScaleMin(ScaleMinLayout layout) {
    this.layout = layout;
  }

  @Override
  SuperBlockTile newTile(boolean weighted) {
    return new Tile(layout, weighted);
  }

  private static final class Tile extends SuperBlockTile {
    private final ScaleMinLayout layout;
    private final boolean weighted;
    private final float[] weights = new float[GROUP_ELEMENTS];
    private final ScaleMinFit fit = new ScaleMinFit();
    private final ScaleMinSearch search;
    private final ScaleMinHead head;
    private final ScaleMinCodes codes;

    Tile(ScaleMinLayout layout, boolean weighted) {
      super(layout.byteLength(), weighted);
      this.layout = layout;
      this.weighted = weighted;
      this.search = new ScaleMinSearch(values, weights, fit, layout.trials(weighted));
      this.head = new ScaleMinHead(layout);
      this.codes = new ScaleMinCodes(layout);
    }

    @Override
    void quantize(int blocks) {
      for (int block = 0; block < blocks; block++) {
        search(block);
        int at = block * layout.byteLength();
        head.write(fit, block * GROUPS, weighted, bytes, at);
        codes.write(values, block, fit, head, bytes, at);
      }
    }

    private void search(int block) {
      float variance =
          weighted ? ScaleMinWeights.variance(values, block * SuperBlock.ELEMENTS) : 0;
      for (int lane = block * GROUPS; lane < (block + 1) * GROUPS; lane++) {
        int from = lane * GROUP_ELEMENTS;
        if (weighted) {
          ScaleMinWeights.weighted(values, importances, from, variance, weights);
        } else {
          ScaleMinWeights.plain(values, from, weights);
        }
        search.run(lane);
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
    byte[] bytes = new byte[layout.byteLength()];
    float[] values = new float[SuperBlock.ELEMENTS];
    for (int block = 0; block < blocks; block++) {
      Strip.load(source, sourceOffset + (long) block * bytes.length, bytes, bytes.length);
      float scale = ScaleMinLayout.factor(bytes, ScaleMinLayout.SCALE);
      float min = ScaleMinLayout.factor(bytes, ScaleMinLayout.MIN_SCALE);
      for (int group = 0; group < GROUPS; group++) {
        decode(
            bytes,
            group,
            scale * ScaleMinLayout.scale(bytes, 0, group),
            min * ScaleMinLayout.min(bytes, 0, group),
            values);
      }
      long to = targetOffset + 4L * block * SuperBlock.ELEMENTS;
      Strip.store(values, SuperBlock.ELEMENTS, target, to);
    }
  }

  private void decode(byte[] bytes, int group, float scale, float min, float[] values) {
    int nibbles = layout.nibbles() + group / 2 * GROUP_ELEMENTS;
    int shift = 4 * (group % 2);
    for (int i = 0; i < GROUP_ELEMENTS; i++) {
      int code = (bytes[nibbles + i] >> shift) & 15;
      if (layout.hasHighBits()) {
        code |= ((bytes[ScaleMinLayout.HIGH_BITS + i] >> group) & 1) << 4;
      }
      values[group * GROUP_ELEMENTS + i] = scale * code - min;
    }
  }
}
