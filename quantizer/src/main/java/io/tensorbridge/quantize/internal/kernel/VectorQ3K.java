package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q3KLayout.BIAS;
import static io.tensorbridge.quantize.internal.kernel.Q3KLayout.GROUPS;
import static io.tensorbridge.quantize.internal.kernel.Q3KLayout.GROUP_ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.TwoBits.RUN_ELEMENTS;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarQ3K}. */
final class VectorQ3K extends SuperBlockKernel {
  @Override
  SuperBlockTile newTile(boolean weighted) {
    return new Tile(weighted);
  }

  private static final class Tile extends SuperBlockTile {
    private final boolean weighted;
    private final DescentFit fit = new DescentFit();
    private final CodeDescentLanes lanes = new CodeDescentLanes(fit);
    private final Q3KWeightedSearch weightedSearch;
    private final Q3KHead head = new Q3KHead();
    private final Q3KCodes searchedCodes = new Q3KCodes();
    private final byte[] codes = new byte[SuperBlock.ELEMENTS];

    Tile(boolean weighted) {
      super(Q3KLayout.BYTES, weighted);
      this.weighted = weighted;
      this.weightedSearch = new Q3KWeightedSearch(values, importances, fit);
    }

    @Override
    void quantize(int blocks) {
      if (!weighted) {
        lanes.search(values);
      }
      for (int block = 0; block < blocks; block++) {
        int at = block * Q3KLayout.BYTES;
        writeScales(block, at);
        if (head.hasZeroScale()) {
          if (!weighted) {
            lanes.copyCodes(block);
          }
          searchedCodes.write(values, block, fit.codes, head, bytes, at);
        } else {
          encode(values, block * SuperBlock.ELEMENTS, head.scales, codes);
          TwoBitLanes.pack(codes, bytes, at + Q3KLayout.LOW_BITS);
          packHigh(codes, bytes, at + Q3KLayout.HIGH_BITS);
        }
      }
    }

    private void writeScales(int block, int at) {
      if (weighted) {
        weightedSearch.run(block, head, bytes, at);
      } else {
        head.write(fit.scales, block * GROUPS, bytes, at);
      }
    }
  }

  /** Codes of a super-block, a byte each. */
  private static void encode(float[] values, int from, float[] scales, byte[] codes) {
    IntVector least = IntVector.broadcast(Lanes.INTS, -BIAS);
    IntVector most = IntVector.broadcast(Lanes.INTS, BIAS - 1);
    IntVector bias = IntVector.broadcast(Lanes.INTS, BIAS);
    for (int group = 0; group < GROUPS; group++) {
      FloatVector scale = FloatVector.broadcast(Lanes.FLOATS, scales[group]);
      int first = group * GROUP_ELEMENTS;
      for (int i = first; i < first + GROUP_ELEMENTS; i += Lanes.COUNT) {
        FloatVector value = FloatVector.fromArray(Lanes.FLOATS, values, from + i);
        IntVector code = SuperBlockLanes.nearest(value.div(scale)).max(least).min(most);
        Lanes.storeBytes(code.add(bias), codes, i);
      }
    }
  }

  private static void packHigh(byte[] codes, byte[] bytes, int at) {
    for (int i = 0; i < RUN_ELEMENTS; i += Lanes.BYTES.length()) {
      ByteVector packed = run(codes, i, 7).lanewise(VectorOperators.LSHR, 2);
      for (int part = 6; part >= 0; part--) {
        ByteVector high = run(codes, i, part).lanewise(VectorOperators.LSHR, 2);
        packed = packed.add(packed).or(high);
      }
      packed.intoArray(bytes, at + i);
    }
  }

  private static ByteVector run(byte[] codes, int from, int run) {
    return ByteVector.fromArray(Lanes.BYTES, codes, from + run * RUN_ELEMENTS);
  }

  @Override
  public void dequantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    byte[] bytes = new byte[Q3KLayout.BYTES];
    float[] scales = new float[GROUPS];
    for (int block = 0; block < blocks; block++) {
      long from = sourceOffset + (long) block * Q3KLayout.BYTES;
      long to = targetOffset + 4L * block * SuperBlock.ELEMENTS;
      Strip.load(source, from, bytes, bytes.length);
      float factor = Q3KLayout.factor(bytes, 0);
      for (int group = 0; group < GROUPS; group++) {
        scales[group] = factor * Q3KLayout.scale(bytes, 0, group);
      }
      for (int at = 0; at < RUN_ELEMENTS; at += Lanes.BYTES.length()) {
        decode(source, from, at, scales, target, to + 4L * at);
      }
    }
  }

  /** Decodes the elements at the same places of all eight runs. */
  private static void decode(
      MemorySegment source, long from, int at, float[] scales, MemorySegment target, long to) {
    ByteVector high = Lanes.bytes(source, from + Q3KLayout.HIGH_BITS + at);
    ByteVector first = Lanes.bytes(source, from + Q3KLayout.LOW_BITS + at);
    ByteVector second = Lanes.bytes(source, from + Q3KLayout.LOW_BITS + RUN_ELEMENTS + at);
    for (int part = 0; part < Lanes.PARTS; part++) {
      IntVector highBits = (IntVector) high.convertShape(VectorOperators.B2I, Lanes.INTS, part);
      int group = at / GROUP_ELEMENTS;
      long offset = to + 4L * part * Lanes.COUNT;
      decode(first, part, highBits, scales, group, target, offset);
      decode(second, part, right(highBits, 4), scales, group + GROUPS / 2, target,
          offset + 4L * TwoBits.HALF_ELEMENTS);
    }
  }

  /** Decodes the elements at the same places of the four runs of a half. */
  private static void decode(
      ByteVector low,
      int part,
      IntVector highBits,
      float[] scales,
      int group,
      MemorySegment target,
      long to) {
    IntVector lowBits = (IntVector) low.convertShape(VectorOperators.B2I, Lanes.INTS, part);
    store(lowBits.and(3).or(left(highBits.and(1), 2)), scales[group], target, to);
    store(
        right(lowBits, 2).and(3).or(left(highBits.and(2), 1)),
        scales[group + 2],
        target,
        to + 4L * RUN_ELEMENTS);
    store(
        right(lowBits, 4).and(3).or(highBits.and(4)),
        scales[group + 4],
        target,
        to + 8L * RUN_ELEMENTS);
    store(
        right(lowBits, 6).and(3).or(right(highBits, 1).and(4)),
        scales[group + 6],
        target,
        to + 12L * RUN_ELEMENTS);
  }

  private static void store(IntVector codes, float scale, MemorySegment target, long to) {
    FloatVector values =
        (FloatVector) codes.sub(BIAS).convertShape(VectorOperators.I2F, Lanes.FLOATS, 0);
    values.mul(scale).intoMemorySegment(target, to, Lanes.ORDER);
  }

  private static IntVector left(IntVector bits, int shift) {
    return bits.lanewise(VectorOperators.LSHL, shift);
  }

  private static IntVector right(IntVector bits, int shift) {
    return bits.lanewise(VectorOperators.LSHR, shift);
  }
}
