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
  private static final byte NIBBLE = 15;
  private static final byte TWO_BITS = 48;
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
    private final byte[] codes = new byte[SuperBlock.ELEMENTS];
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
            encode(values, block * SuperBlock.ELEMENTS, head.scales, codes);
            pack(codes, 0, bytes, at);
            pack(codes, 1, bytes, at);
          }
        }
      }
    }
  }

  private static void encode(float[] values, int from, float[] scales, byte[] codes) {
    for (int group = 0; group < GROUPS; group++) {
      float scale = scales[group];
      for (int i = group * GROUP_ELEMENTS; i < (group + 1) * GROUP_ELEMENTS; i += Lanes.COUNT) {
        FloatVector steps = FloatVector.fromArray(Lanes.FLOATS, values, from + i).div(scale);
        IntVector nearest = SuperBlockLanes.nearest(steps).max(-BIAS).min(BIAS - 1);
        Lanes.storeBytes(nearest.add(BIAS), codes, i);
      }
    }
  }

  private static void pack(byte[] codes, int half, byte[] bytes, int at) {
    int low = at + Q6KLayout.LOW_BITS + half * HALF_ELEMENTS / 2;
    int high = at + Q6KLayout.HIGH_BITS + half * HALF_ELEMENTS / 4;
    for (int i = 0; i < QUARTER_ELEMENTS; i += Lanes.BYTES.length()) {
      int from = half * HALF_ELEMENTS + i;
      ByteVector a = load(codes, from);
      ByteVector b = load(codes, from + QUARTER_ELEMENTS);
      ByteVector c = load(codes, from + 2 * QUARTER_ELEMENTS);
      ByteVector d = load(codes, from + 3 * QUARTER_ELEMENTS);
      a.and(NIBBLE).or(left(c.and(NIBBLE), 4)).intoArray(bytes, low + i);
      b.and(NIBBLE).or(left(d.and(NIBBLE), 4)).intoArray(bytes, low + QUARTER_ELEMENTS + i);
      ByteVector first = right(a, 4).or(right(b.and(TWO_BITS), 2));
      ByteVector second = c.and(TWO_BITS).or(left(d.and(TWO_BITS), 2));
      first.or(second).intoArray(bytes, high + i);
    }
  }

  private static ByteVector load(byte[] codes, int at) {
    return ByteVector.fromArray(Lanes.BYTES, codes, at);
  }

  private static ByteVector left(ByteVector bits, int shift) {
    return bits.lanewise(VectorOperators.LSHL, shift);
  }

  private static ByteVector right(ByteVector bits, int shift) {
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
