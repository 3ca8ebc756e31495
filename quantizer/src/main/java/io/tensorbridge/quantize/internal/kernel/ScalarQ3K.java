package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q3KLayout.BIAS;
import static io.tensorbridge.quantize.internal.kernel.Q3KLayout.GROUPS;
import static io.tensorbridge.quantize.internal.kernel.Q3KLayout.GROUP_ELEMENTS;

import java.lang.foreign.MemorySegment;

/** The reference for {@link Q3KLayout}. */
final class ScalarQ3K extends SuperBlockKernel {
  @Override
  SuperBlockTile newTile(boolean weighted) {
    return new Tile(weighted);
  }

  private static final class Tile extends SuperBlockTile {
    private final boolean weighted;
    private final DescentFit fit = new DescentFit();
    private final CodeDescent search = new CodeDescent(values, fit);
    private final Q3KWeightedSearch weightedSearch;
    private final Q3KHead head = new Q3KHead();
    private final Q3KCodes codes = new Q3KCodes();

    Tile(boolean weighted) {
      super(Q3KLayout.BYTES, weighted);
      this.weighted = weighted;
      this.weightedSearch = new Q3KWeightedSearch(values, importances, fit);
    }

    @Override
    void quantize(int blocks) {
      for (int block = 0; block < blocks; block++) {
        int at = block * Q3KLayout.BYTES;
        if (weighted) {
          weightedSearch.run(block, head, bytes, at);
        } else {
          search(block, at);
        }
        codes.write(values, block, fit.codes, head, bytes, at);
      }
    }

    private void search(int block, int at) {
      for (int group = 0; group < GROUPS; group++) {
        search.run(block * GROUPS + group);
      }
      head.write(fit.scales, block * GROUPS, bytes, at);
    }
  }

  @Override
  public void dequantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    byte[] bytes = new byte[Q3KLayout.BYTES];
    float[] values = new float[SuperBlock.ELEMENTS];
    for (int block = 0; block < blocks; block++) {
      Strip.load(source, sourceOffset + (long) block * bytes.length, bytes, bytes.length);
      for (int group = 0; group < GROUPS; group++) {
        float scale = Q3KLayout.factor(bytes, 0) * Q3KLayout.scale(bytes, 0, group);
        decode(bytes, group, scale, values);
      }
      long to = targetOffset + 4L * block * SuperBlock.ELEMENTS;
      Strip.store(values, SuperBlock.ELEMENTS, target, to);
    }
  }

  private static void decode(byte[] bytes, int group, float scale, float[] values) {
    int first = group * GROUP_ELEMENTS;
    int low = Q3KLayout.LOW_BITS + TwoBits.place(first);
    int shift = TwoBits.shift(first);
    int high = Q3KLayout.HIGH_BITS + first % TwoBits.RUN_ELEMENTS;
    int run = first / TwoBits.RUN_ELEMENTS;
    for (int i = 0; i < GROUP_ELEMENTS; i++) {
      int code = ((bytes[low + i] >> shift) & 3) | (((bytes[high + i] >> run) & 1) << 2);
      values[first + i] = scale * (code - BIAS);
    }
  }
}
