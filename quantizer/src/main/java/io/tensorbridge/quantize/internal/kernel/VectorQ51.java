package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q51Layout.BYTES;
import static io.tensorbridge.quantize.internal.kernel.Q51Layout.CODES;
import static io.tensorbridge.quantize.internal.kernel.Q51Layout.ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.Q51Layout.FIFTH_BITS;
import static io.tensorbridge.quantize.internal.kernel.Q51Layout.MINIMUM;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarQ51}. */
@SuppressWarnings("NarrowCalculation") // offsets within a slice are small, and int loops compile better
final class VectorQ51 implements BlockKernel {
  private static final int GROUP = BlockLanes.GROUP;
  private static final int STEP = Lanes.COUNT * Float.BYTES;
  private static final int BLOCK = ELEMENTS * Float.BYTES;
  private static final int HALF = BLOCK / 2;

  private final BlockKernel tail = new ScalarQ51();

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    float[] minima = new float[GROUP];
    float[] inverses = new float[GROUP];
    int magnitude = 0;
    int block = 0;
    for (; block <= blocks - GROUP; block += GROUP) {
      MemorySegment from = source.asSlice(sourceOffset + (long) block * BLOCK, GROUP * BLOCK);
      MemorySegment to = target.asSlice(targetOffset + (long) block * BYTES, GROUP * BYTES);
      magnitude = Math.max(magnitude, scale(from, minima, inverses, to));
      code(from, minima, inverses, to);
    }
    if (block < blocks) {
      long from = sourceOffset + (long) block * BLOCK;
      long to = targetOffset + (long) block * BYTES;
      int rest = tail.quantize(source, from, target, to, blocks - block);
      magnitude = Math.max(magnitude, rest);
    }
    return magnitude;
  }

  private static int scale(
      MemorySegment source, float[] minima, float[] inverses, MemorySegment target) {
    int greatest = 0;
    for (int i = 0; i < GROUP; i++) {
      long range = BlockLanes.range(source, i * BLOCK);
      float least = ValueRange.low(range);
      float scale = Q51Layout.scale(least, ValueRange.high(range));
      float minimum = least == 0 ? BlockLanes.firstOf(source, i * BLOCK, 0) : least;
      minima[i] = minimum;
      inverses[i] = Q51Layout.inverse(scale);
      target.set(Q51Layout.SCALE, i * BYTES, Float.floatToFloat16(scale));
      target.set(Q51Layout.SCALE, i * BYTES + MINIMUM, Float.floatToFloat16(minimum));
      greatest = Math.max(greatest, Ranges.magnitude(range));
    }
    return greatest;
  }

  private static void code(
      MemorySegment source, float[] minima, float[] inverses, MemorySegment target) {
    for (int i = 0; i < GROUP; i++) {
      float minimum = minima[i];
      float inverse = inverses[i];
      int bits = 0;
      for (int at = 0; at < HALF; at += STEP) {
        IntVector low = codes(source, i * BLOCK + at, minimum, inverse);
        IntVector high = codes(source, i * BLOCK + HALF + at, minimum, inverse);
        bits |= NibbleLanes.fifthBits(low) << (at / Float.BYTES);
        bits |= NibbleLanes.fifthBits(high) << (at / Float.BYTES + ELEMENTS / 2);
        NibbleLanes.store(low.and(15), high, target, i * BYTES + CODES + at / Float.BYTES);
      }
      target.set(Q51Layout.BITS, i * BYTES + FIFTH_BITS, bits);
    }
  }

  private static IntVector codes(MemorySegment source, int from, float minimum, float inverse) {
    FloatVector codes = Lanes.floats(source, from).sub(minimum).mul(inverse).add(0.5f);
    return ((IntVector) codes.convertShape(VectorOperators.F2I, Lanes.INTS, 0))
        .min(Q51Layout.MAX_CODE);
  }

  @Override
  public void dequantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    int block = 0;
    for (; block <= blocks - GROUP; block += GROUP) {
      MemorySegment from = source.asSlice(sourceOffset + (long) block * BYTES, GROUP * BYTES);
      MemorySegment to = target.asSlice(targetOffset + (long) block * BLOCK, GROUP * BLOCK);
      for (int i = 0; i < GROUP; i++) {
        dequantizeBlock(from, i * BYTES, to, i * BLOCK);
      }
    }
    if (block < blocks) {
      long from = sourceOffset + (long) block * BYTES;
      long to = targetOffset + (long) block * BLOCK;
      tail.dequantize(source, from, target, to, blocks - block);
    }
  }

  private static void dequantizeBlock(
      MemorySegment source, int from, MemorySegment target, int to) {
    float scale = Float.float16ToFloat(source.get(Q51Layout.SCALE, from));
    float minimum = Float.float16ToFloat(source.get(Q51Layout.SCALE, from + MINIMUM));
    int bits = source.get(Q51Layout.BITS, from + FIFTH_BITS);
    for (int at = 0; at < ELEMENTS / 2; at += Lanes.BYTES.length()) {
      ByteVector nibbles =
          ByteVector.fromMemorySegment(Lanes.BYTES, source, from + CODES + at, Lanes.ORDER);
      ByteVector low = nibbles.and((byte) 15);
      ByteVector high = nibbles.lanewise(VectorOperators.LSHR, 4);
      for (int part = 0; part < Lanes.PARTS; part++) {
        int element = at + part * Lanes.COUNT;
        int offset = to + 4 * element;
        values(low, part, bits >>> element, scale, minimum)
            .intoMemorySegment(target, offset, Lanes.ORDER);
        values(high, part, bits >>> (element + ELEMENTS / 2), scale, minimum)
            .intoMemorySegment(target, offset + HALF, Lanes.ORDER);
      }
    }
  }

  private static FloatVector values(
      ByteVector nibbles, int part, int bits, float scale, float minimum) {
    return NibbleLanes.fiveBits(nibbles, part, bits).mul(scale).add(minimum);
  }
}
