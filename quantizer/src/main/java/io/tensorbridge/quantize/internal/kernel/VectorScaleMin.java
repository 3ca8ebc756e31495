package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.ScaleMinLayout.GROUPS;
import static io.tensorbridge.quantize.internal.kernel.ScaleMinLayout.GROUP_ELEMENTS;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
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
    private final byte[] codes = new byte[SuperBlock.ELEMENTS];
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
          encode(values, block * SuperBlock.ELEMENTS, head, layout.maxCode(), codes);
          packNibbles(codes, bytes, at + layout.nibbles());
          if (layout.hasHighBits()) {
            packHighBits(codes, bytes, at + ScaleMinLayout.HIGH_BITS);
          }
        }
      }
    }
  }

  private static void encode(
      float[] values, int from, ScaleMinHead head, int top, byte[] codes) {
    for (int group = 0; group < GROUPS; group++) {
      float scale = head.scales[group];
      float min = head.mins[group];
      for (int i = group * GROUP_ELEMENTS; i < (group + 1) * GROUP_ELEMENTS; i += Lanes.COUNT) {
        FloatVector steps =
            FloatVector.fromArray(Lanes.FLOATS, values, from + i).add(min).div(scale);
        Lanes.storeBytes(SuperBlockLanes.nearest(steps).max(0).min(top), codes, i);
      }
    }
  }

  private static void packNibbles(byte[] codes, byte[] bytes, int at) {
    for (int pair = 0; pair < GROUPS / 2; pair++) {
      int to = at + pair * GROUP_ELEMENTS;
      for (int i = 0; i < GROUP_ELEMENTS; i += Lanes.BYTES.length()) {
        int from = 2 * pair * GROUP_ELEMENTS + i;
        ByteVector high = ByteVector.fromArray(Lanes.BYTES, codes, from + GROUP_ELEMENTS);
        ByteVector.fromArray(Lanes.BYTES, codes, from)
            .and((byte) 15)
            .or(high.lanewise(VectorOperators.LSHL, 4))
            .intoArray(bytes, to + i);
      }
    }
  }

  private static void packHighBits(byte[] codes, byte[] bytes, int at) {
    for (int i = 0; i < GROUP_ELEMENTS; i += Lanes.BYTES.length()) {
      ByteVector bits = ByteVector.zero(Lanes.BYTES);
      for (int group = GROUPS - 1; group >= 0; group--) {
        ByteVector fifth =
            ByteVector.fromArray(Lanes.BYTES, codes, group * GROUP_ELEMENTS + i)
                .lanewise(VectorOperators.LSHR, 4);
        bits = bits.add(bits).or(fifth);
      }
      bits.intoArray(bytes, at + i);
    }
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
