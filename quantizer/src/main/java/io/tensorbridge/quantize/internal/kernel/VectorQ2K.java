package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q2KLayout.GROUPS;
import static io.tensorbridge.quantize.internal.kernel.Q2KLayout.GROUP_ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.Q2KLayout.MAX_CODE;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarQ2K}. */
final class VectorQ2K extends SuperBlockKernel {
  /** Super-blocks whose sub-blocks are the lanes of a search. */
  private static final int TOGETHER = ScaleMinFit.LANES / GROUPS;

  @Override
  SuperBlockTile newTile(boolean weighted) {
    return new Tile(weighted);
  }

  private static final class Tile extends SuperBlockTile {
    private final boolean weighted;
    private final float[] part = new float[TOGETHER * SuperBlock.ELEMENTS];
    private final float[] partImportances;
    private final byte[] codes = new byte[SuperBlock.ELEMENTS];
    private final ScaleMinFit fit = new ScaleMinFit();
    private final ScaleMinLanes lanes;
    private final Q2KHead head = new Q2KHead();
    private final Q2KCodes searchedCodes = new Q2KCodes();

    Tile(boolean weighted) {
      super(Q2KLayout.BYTES, weighted);
      this.weighted = weighted;
      this.partImportances = new float[weighted ? part.length : 0];
      ScaleMinTrials trials = weighted ? ScaleMinTrials.Q2_K_WEIGHTED : ScaleMinTrials.Q2_K;
      this.lanes = new ScaleMinLanes(part, fit, trials, weighted);
    }

    @Override
    void quantize(int blocks) {
      for (int first = 0; first < blocks; first += TOGETHER) {
        search(first * SuperBlock.ELEMENTS);
        for (int block = first; block < Math.min(first + TOGETHER, blocks); block++) {
          write(block, (block - first) * GROUPS);
        }
      }
    }

    private void search(int from) {
      System.arraycopy(values, from, part, 0, part.length);
      if (weighted) {
        System.arraycopy(importances, from, partImportances, 0, part.length);
        lanes.search(part, partImportances);
      } else {
        lanes.search(part);
      }
    }

    private void write(int block, int firstLane) {
      int from = block * SuperBlock.ELEMENTS;
      int at = block * Q2KLayout.BYTES;
      head.write(fit, firstLane, weighted, bytes, at);
      if (head.hasZeroScale()) {
        searchedCodes.write(values, from, fit, firstLane, head, bytes, at);
      } else {
        encode(values, from, head.scales, head.mins, codes);
        TwoBitLanes.pack(codes, bytes, at + Q2KLayout.CODES);
      }
    }
  }

  /** Codes of a super-block, a byte each. */
  private static void encode(
      float[] values, int from, float[] scales, float[] mins, byte[] codes) {
    IntVector least = IntVector.zero(Lanes.INTS);
    IntVector most = IntVector.broadcast(Lanes.INTS, MAX_CODE);
    for (int group = 0; group < GROUPS; group++) {
      FloatVector scale = FloatVector.broadcast(Lanes.FLOATS, scales[group]);
      FloatVector min = FloatVector.broadcast(Lanes.FLOATS, mins[group]);
      int first = group * GROUP_ELEMENTS;
      for (int i = first; i < first + GROUP_ELEMENTS; i += Lanes.COUNT) {
        FloatVector value = FloatVector.fromArray(Lanes.FLOATS, values, from + i);
        IntVector code = SuperBlockLanes.nearest(value.add(min).div(scale));
        Lanes.storeBytes(code.max(least).min(most), codes, i);
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
    for (int block = 0; block < blocks; block++) {
      long from = sourceOffset + (long) block * Q2KLayout.BYTES;
      long to = targetOffset + 4L * block * SuperBlock.ELEMENTS;
      Strip.load(source, from, bytes, bytes.length);
      float scale = Q2KLayout.factor(bytes, Q2KLayout.SCALE);
      float min = Q2KLayout.factor(bytes, Q2KLayout.MIN_SCALE);
      for (int group = 0; group < GROUPS; group++) {
        decode(
            source,
            from + Q2KLayout.CODES,
            group,
            scale * Q2KLayout.scale(bytes, 0, group),
            min * Q2KLayout.min(bytes, 0, group),
            target,
            to + 4L * group * GROUP_ELEMENTS);
      }
    }
  }

  private static void decode(
      MemorySegment source,
      long from,
      int group,
      float scale,
      float min,
      MemorySegment target,
      long to) {
    for (int i = 0; i < GROUP_ELEMENTS; i += Lanes.BYTES.length()) {
      ByteVector codes = TwoBitLanes.codes(source, from, group * GROUP_ELEMENTS + i);
      for (int part = 0; part < Lanes.PARTS; part++) {
        FloatVector wide =
            (FloatVector) codes.convertShape(VectorOperators.B2F, Lanes.FLOATS, part);
        wide.mul(scale)
            .sub(min)
            .intoMemorySegment(
                target, to + 4L * (i + part * Lanes.COUNT), Lanes.ORDER);
      }
    }
  }
}
