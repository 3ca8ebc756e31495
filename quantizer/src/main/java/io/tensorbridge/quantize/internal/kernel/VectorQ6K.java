package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q6KLayout.BIAS;
import static io.tensorbridge.quantize.internal.kernel.Q6KLayout.GROUPS;
import static io.tensorbridge.quantize.internal.kernel.Q6KLayout.GROUP_ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.Q6KLayout.HALF_ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.Q6KLayout.QUARTER_ELEMENTS;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarQ6K}. */
final class VectorQ6K extends SuperBlockKernel {
  private static final int PAIR = QUARTER_ELEMENTS / GROUP_ELEMENTS;

  @Override
  SuperBlockTile newTile(boolean weighted) {
    return new Tile(weighted);
  }

  private static final class Tile extends SuperBlockTile {
    private final boolean weighted;
    private final ScaleFit fit = new ScaleFit();
    private final ScaleLanes lanes = new ScaleLanes(fit);
    private final Q6KHead head = new Q6KHead();
    private final Q6KCodes searchedCodes = new Q6KCodes();

    Tile(boolean weighted) {
      super(Q6KLayout.BYTES, weighted);
      this.weighted = weighted;
    }

    @Override
    void quantize(int blocks) {
      if (weighted) {
        lanes.search(values, importances);
      } else {
        lanes.search(values);
      }
      for (int block = 0; block < blocks; block++) {
        int at = block * Q6KLayout.BYTES;
        if (head.write(fit, block * GROUPS, bytes, at)) {
          if (head.hasZeroScale()) {
            searchedCodes.write(values, block, fit, head, bytes, at);
          } else {
            encode(values, block * SuperBlock.ELEMENTS, head.scales, bytes, at);
          }
        }
      }
    }
  }

  private static void encode(float[] values, int from, float[] scales, byte[] bytes, int at) {
    for (int half = 0; half < 2; half++) {
      int low = at + Q6KLayout.LOW_BITS + half * HALF_ELEMENTS / 2;
      int high = at + Q6KLayout.HIGH_BITS + half * HALF_ELEMENTS / 4;
      for (int i = 0; i < QUARTER_ELEMENTS; i += Lanes.COUNT) {
        int first = from + half * HALF_ELEMENTS + i;
        int group = half * GROUPS / 2 + i / GROUP_ELEMENTS;
        pack(values, first, scales, group, bytes, low + i, high + i);
      }
    }
  }

  private static void pack(
      float[] values, int from, float[] scales, int group, byte[] bytes, int low, int high) {
    IntVector a = codes(values, from, scales[group]);
    IntVector b = codes(values, from + QUARTER_ELEMENTS, scales[group + PAIR]);
    IntVector c = codes(values, from + 2 * QUARTER_ELEMENTS, scales[group + 2 * PAIR]);
    IntVector d = codes(values, from + 3 * QUARTER_ELEMENTS, scales[group + 3 * PAIR]);
    Lanes.storeBytes(a.and(15).or(left(c.and(15), 4)), bytes, low);
    Lanes.storeBytes(b.and(15).or(left(d.and(15), 4)), bytes, low + QUARTER_ELEMENTS);
    IntVector high01 = right(a, 4).or(right(b.and(48), 2));
    Lanes.storeBytes(high01.or(c.and(48)).or(left(d.and(48), 2)), bytes, high);
  }

  private static IntVector codes(float[] values, int from, float scale) {
    FloatVector codes = FloatVector.fromArray(Lanes.FLOATS, values, from).div(scale);
    return SuperBlockLanes.nearest(codes).max(-BIAS).min(BIAS - 1).add(BIAS);
  }

  private static IntVector left(IntVector bits, int shift) {
    return bits.lanewise(VectorOperators.LSHL, shift);
  }

  private static IntVector right(IntVector bits, int shift) {
    return bits.lanewise(VectorOperators.LSHR, shift);
  }

  @Override
  public void dequantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    byte[] heads = new byte[Q6KLayout.BYTES];
    for (int block = 0; block < blocks; block++) {
      long from = sourceOffset + (long) block * Q6KLayout.BYTES;
      long to = targetOffset + 4L * block * SuperBlock.ELEMENTS;
      Strip.load(source, from, heads, heads.length);
      float factor = Q6KLayout.factor(heads, 0);
      for (int quarter = 0; quarter < SuperBlock.ELEMENTS / QUARTER_ELEMENTS; quarter++) {
        float first = factor * heads[Q6KLayout.SCALES + PAIR * quarter];
        float second = factor * heads[Q6KLayout.SCALES + PAIR * quarter + 1];
        decode(source, from, quarter, first, second, target, to + 4L * quarter * QUARTER_ELEMENTS);
      }
    }
  }

  /** Decodes 32 elements, which are two sub-blocks. */
  private static void decode(
      MemorySegment source,
      long from,
      int quarter,
      float first,
      float second,
      MemorySegment target,
      long to) {
    int part = quarter % 4;
    int half = quarter / 4;
    int lowBits = half * HALF_ELEMENTS / 2 + part % 2 * QUARTER_ELEMENTS;
    long low = from + Q6KLayout.LOW_BITS + lowBits;
    long high = from + Q6KLayout.HIGH_BITS + half * HALF_ELEMENTS / 4;
    for (int i = 0; i < GROUP_ELEMENTS; i += Lanes.BYTES.length()) {
      int next = i + GROUP_ELEMENTS;
      store(decoded(source, low + i, high + i, part), first, target, to + 4L * i);
      store(decoded(source, low + next, high + next, part), second, target, to + 4L * next);
    }
  }

  private static ByteVector decoded(MemorySegment source, long low, long high, int part) {
    int nibbleShift = part / 2 * 4;
    int bitShift = part * 2;
    ByteVector nibbles =
        Lanes.bytes(source, low)
            .lanewise(VectorOperators.LSHR, nibbleShift)
            .and((byte) 15);
    ByteVector bits =
        Lanes.bytes(source, high)
            .lanewise(VectorOperators.LSHR, bitShift)
            .and((byte) 3)
            .lanewise(VectorOperators.LSHL, 4);
    return nibbles.or(bits).sub((byte) BIAS);
  }

  private static void store(ByteVector codes, float scale, MemorySegment target, long to) {
    for (int part = 0; part < Lanes.PARTS; part++) {
      FloatVector wide =
          (FloatVector) codes.convertShape(VectorOperators.B2F, Lanes.FLOATS, part);
      wide.mul(scale)
          .intoMemorySegment(target, to + 4L * part * Lanes.COUNT, Lanes.ORDER);
    }
  }
}
