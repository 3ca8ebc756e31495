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
final class VectorQ51 implements BlockKernel {
  private static final int STEP = Lanes.COUNT * Float.BYTES;
  private static final int BLOCK = ELEMENTS * Float.BYTES;
  private static final int HALF = BLOCK / 2;

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    int magnitude = 0;
    for (int block = 0; block < blocks; block++) {
      long from = sourceOffset + (long) block * BLOCK;
      long to = targetOffset + (long) block * BYTES;
      magnitude = Math.max(magnitude, quantizeBlock(source, from, target, to));
    }
    return magnitude;
  }

  private static int quantizeBlock(MemorySegment source, long from, MemorySegment target, long to) {
    long range = BlockLanes.range(source, from);
    float least = ValueRange.low(range);
    float scale = Q51Layout.scale(least, ValueRange.high(range));
    float inverse = Q51Layout.inverse(scale);
    float minimum = least == 0 ? BlockLanes.firstOf(source, from, 0) : least;
    target.set(Q51Layout.SCALE, to, Float.floatToFloat16(scale));
    target.set(Q51Layout.SCALE, to + MINIMUM, Float.floatToFloat16(minimum));
    int bits = 0;
    for (int at = 0; at < HALF; at += STEP) {
      IntVector low = codes(source, from + at, minimum, inverse);
      IntVector high = codes(source, from + HALF + at, minimum, inverse);
      bits |= NibbleLanes.fifthBits(low) << (at / Float.BYTES);
      bits |= NibbleLanes.fifthBits(high) << (at / Float.BYTES + ELEMENTS / 2);
      NibbleLanes.store(low.and(15), high, target, to + CODES + at / Float.BYTES);
    }
    target.set(Q51Layout.BITS, to + FIFTH_BITS, bits);
    return Ranges.magnitude(range);
  }

  private static IntVector codes(MemorySegment source, long from, float minimum, float inverse) {
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
    for (int block = 0; block < blocks; block++) {
      long from = sourceOffset + (long) block * BYTES;
      long to = targetOffset + (long) block * BLOCK;
      dequantizeBlock(source, from, target, to);
    }
  }

  private static void dequantizeBlock(
      MemorySegment source, long from, MemorySegment target, long to) {
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
        long offset = to + 4L * element;
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
