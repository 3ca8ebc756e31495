package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q6KLayout.BIAS;
import static io.tensorbridge.quantize.internal.kernel.Q6KLayout.GROUPS;
import static io.tensorbridge.quantize.internal.kernel.Q6KLayout.GROUP_ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.Q6KLayout.HALF_ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.Q6KLayout.QUARTER_ELEMENTS;

import java.lang.foreign.MemorySegment;

/** The reference for {@link Q6KLayout}. */
final class ScalarQ6K extends SuperBlockKernel {
  @Override
  SuperBlockTile newTile(boolean weighted) {
    return new Tile(weighted);
  }

  private static final class Tile extends SuperBlockTile {
    private final Q6KCodes codes = new Q6KCodes();
    private final boolean weighted;
    private final ScaleFit fit = new ScaleFit();
    private final ScaleSearch search = new ScaleSearch(values, fit, Q6KLayout.BIAS);
    private final Q6KHead head = new Q6KHead();

    Tile(boolean weighted) {
      super(Q6KLayout.BYTES, weighted);
      this.weighted = weighted;
    }

    @Override
    void quantize(int blocks) {
      for (int block = 0; block < blocks; block++) {
        for (int group = 0; group < GROUPS; group++) {
          search.run(block * GROUPS + group, importances, weighted);
        }
        int at = block * Q6KLayout.BYTES;
        if (head.write(fit, block * GROUPS, bytes, at)) {
          codes.write(values, block, fit, head, bytes, at);
        }
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
    byte[] bytes = new byte[Q6KLayout.BYTES];
    float[] values = new float[SuperBlock.ELEMENTS];
    for (int block = 0; block < blocks; block++) {
      Strip.load(source, sourceOffset + (long) block * bytes.length, bytes, bytes.length);
      for (int quarter = 0; quarter < SuperBlock.ELEMENTS / QUARTER_ELEMENTS; quarter++) {
        decode(bytes, quarter, values);
      }
      long to = targetOffset + 4L * block * SuperBlock.ELEMENTS;
      Strip.store(values, SuperBlock.ELEMENTS, target, to);
    }
  }

  /** Decodes 32 elements, which are two sub-blocks. */
  private static void decode(byte[] bytes, int quarter, float[] values) {
    int half = quarter / 4;
    int part = quarter % 4;
    int low = Q6KLayout.LOW_BITS + half * HALF_ELEMENTS / 2 + part % 2 * QUARTER_ELEMENTS;
    int high = Q6KLayout.HIGH_BITS + half * HALF_ELEMENTS / 4;
    float factor = Q6KLayout.factor(bytes, 0);
    for (int i = 0; i < QUARTER_ELEMENTS; i++) {
      int nibble = (bytes[low + i] >> (part / 2 * 4)) & 15;
      int code = nibble | (((bytes[high + i] >> (2 * part)) & 3) << 4);
      float scale = factor * bytes[Q6KLayout.SCALES + 2 * quarter + i / GROUP_ELEMENTS];
      values[quarter * QUARTER_ELEMENTS + i] = scale * (code - BIAS);
    }
  }
}
