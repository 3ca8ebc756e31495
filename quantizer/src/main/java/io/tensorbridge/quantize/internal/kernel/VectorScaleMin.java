package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.ScaleMinLayout.GROUPS;
import static io.tensorbridge.quantize.internal.kernel.ScaleMinLayout.GROUP_ELEMENTS;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarScaleMin}. */
final class VectorScaleMin extends SuperBlockKernel {
  private final ScaleMinLayout layout;

  VectorScaleMin(ScaleMinLayout layout) {
    this.layout = layout;
  }

  @Override
  SuperBlockTile newTile(boolean weighted) {
    return new Tile(layout, weighted);
  }

  private static final class Tile extends SuperBlockTile {
    private final ScaleMinLayout layout;
    private final boolean weighted;
    private final ScaleMinFit fit = new ScaleMinFit();
    private final ScaleMinLanes lanes;
    private final ScaleMinHead head;
    private final ScaleMinCodes searchedCodes;

    Tile(ScaleMinLayout layout, boolean weighted) {
      super(layout.byteLength(), weighted);
      this.layout = layout;
      this.weighted = weighted;
      this.lanes = new ScaleMinLanes(values, fit, layout.trials(weighted), weighted);
      this.head = new ScaleMinHead(layout);
      this.searchedCodes = new ScaleMinCodes(layout);
    }

    @Override
    void quantize(int blocks) {
      if (weighted) {
        lanes.search(values, importances);
      } else {
        lanes.search(values);
      }
      for (int block = 0; block < blocks; block++) {
        int at = block * layout.byteLength();
        head.write(fit, block * GROUPS, weighted, bytes, at);
        if (head.hasZeroScale()) {
          searchedCodes.write(values, block, fit, head, bytes, at);
        } else {
          encode(block, at);
        }
      }
    }

    private void encode(int block, int at) {
      int from = block * SuperBlock.ELEMENTS;
      for (int group = 0; group < GROUPS; group += 2) {
        int to = at + layout.nibbles() + group * GROUP_ELEMENTS / 2;
        nibbles(values, from + group * GROUP_ELEMENTS, head, group, layout.maxCode(), bytes, to);
      }
      if (layout.hasHighBits()) {
        highBits(values, from, head, bytes, at + ScaleMinLayout.HIGH_BITS);
      }
    }
  }

  private static void nibbles(
      float[] values, int from, ScaleMinHead head, int group, int top, byte[] bytes, int to) {
    for (int i = 0; i < GROUP_ELEMENTS; i += Lanes.COUNT) {
      IntVector low = codes(values, from + i, head, group, top);
      IntVector high = codes(values, from + GROUP_ELEMENTS + i, head, group + 1, top);
      IntVector nibbles = low.and(15).or(high.lanewise(VectorOperators.LSHL, 4));
      Lanes.storeBytes(nibbles, bytes, to + i);
    }
  }

  private static void highBits(
      float[] values, int from, ScaleMinHead head, byte[] bytes, int to) {
    for (int i = 0; i < GROUP_ELEMENTS; i += Lanes.COUNT) {
      IntVector bits = IntVector.zero(Lanes.INTS);
      for (int group = GROUPS - 1; group >= 0; group--) {
        IntVector codes = codes(values, from + group * GROUP_ELEMENTS + i, head, group, 31);
        bits = bits.add(bits).or(codes.lanewise(VectorOperators.LSHR, 4));
      }
      Lanes.storeBytes(bits, bytes, to + i);
    }
  }

  private static IntVector codes(
      float[] values, int from, ScaleMinHead head, int group, int top) {
    FloatVector codes =
        FloatVector.fromArray(Lanes.FLOATS, values, from)
            .add(head.mins[group])
            .div(head.scales[group]);
    return SuperBlockLanes.nearest(codes).max(0).min(top);
  }

  @Override
  public void dequantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    byte[] bytes = new byte[ScaleMinLayout.HIGH_BITS];
    for (int block = 0; block < blocks; block++) {
      long from = sourceOffset + (long) block * layout.byteLength();
      long to = targetOffset + 4L * block * SuperBlock.ELEMENTS;
      Strip.load(source, from, bytes, bytes.length);
      float scale = ScaleMinLayout.factor(bytes, ScaleMinLayout.SCALE);
      float min = ScaleMinLayout.factor(bytes, ScaleMinLayout.MIN_SCALE);
      for (int group = 0; group < GROUPS; group++) {
        decode(
            source,
            from,
            group,
            scale * ScaleMinLayout.scale(bytes, 0, group),
            min * ScaleMinLayout.min(bytes, 0, group),
            target,
            to + 4L * group * GROUP_ELEMENTS);
      }
    }
  }

  private void decode(
      MemorySegment source,
      long from,
      int group,
      float scale,
      float min,
      MemorySegment target,
      long to) {
    int nibblesBefore = group / 2 * GROUP_ELEMENTS;
    long nibbles = from + layout.nibbles() + nibblesBefore;
    int shift = 4 * (group % 2);
    if (layout.hasHighBits()) {
      long highBits = from + ScaleMinLayout.HIGH_BITS;
      decode5(source, nibbles, shift, highBits, group, scale, min, target, to);
    } else {
      decode4(source, nibbles, shift, scale, min, target, to);
    }
  }

  private static void decode4(
      MemorySegment source,
      long nibbles,
      int shift,
      float scale,
      float min,
      MemorySegment target,
      long to) {
    for (int i = 0; i < GROUP_ELEMENTS; i += Lanes.BYTES.length()) {
      ByteVector codes = Lanes.bytes(source, nibbles + i);
      store(
          codes.lanewise(VectorOperators.LSHR, shift).and((byte) 15),
          scale,
          min,
          target,
          to + 4L * i);
    }
  }

  private static void decode5(
      MemorySegment source,
      long nibbles,
      int shift,
      long highBits,
      int group,
      float scale,
      float min,
      MemorySegment target,
      long to) {
    for (int i = 0; i < GROUP_ELEMENTS; i += Lanes.BYTES.length()) {
      ByteVector low = Lanes.bytes(source, nibbles + i);
      ByteVector high = Lanes.bytes(source, highBits + i);
      ByteVector codes =
          low.lanewise(VectorOperators.LSHR, shift)
              .and((byte) 15)
              .or(
                  high.lanewise(VectorOperators.LSHR, group)
                      .and((byte) 1)
                      .lanewise(VectorOperators.LSHL, 4));
      store(codes, scale, min, target, to + 4L * i);
    }
  }

  private static void store(
      ByteVector codes, float scale, float min, MemorySegment target, long to) {
    for (int part = 0; part < Lanes.PARTS; part++) {
      FloatVector wide =
          (FloatVector) codes.convertShape(VectorOperators.B2F, Lanes.FLOATS, part);
      wide.mul(scale)
          .sub(min)
          .intoMemorySegment(target, to + 4L * part * Lanes.COUNT, Lanes.ORDER);
    }
  }
}
