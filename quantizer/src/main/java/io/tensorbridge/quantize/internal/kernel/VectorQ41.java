package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q41Layout.BYTES;
import static io.tensorbridge.quantize.internal.kernel.Q41Layout.CODES;
import static io.tensorbridge.quantize.internal.kernel.Q41Layout.ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.Q41Layout.MINIMUM;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarQ41}. */
final class VectorQ41 implements BlockKernel {
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
    float scale = Q41Layout.scale(least, ValueRange.high(range));
    float inverse = Q41Layout.inverse(scale);
    float minimum = least == 0 ? BlockLanes.firstOf(source, from, 0) : least;
    target.set(Q41Layout.SCALE, to, Float.floatToFloat16(scale));
    target.set(Q41Layout.SCALE, to + MINIMUM, Float.floatToFloat16(minimum));
    for (int at = 0; at < HALF; at += STEP) {
      IntVector low = codes(source, from + at, minimum, inverse);
      IntVector high = codes(source, from + HALF + at, minimum, inverse);
      NibbleLanes.store(low, high, target, to + CODES + at / Float.BYTES);
    }
    return Ranges.magnitude(range);
  }

  private static IntVector codes(MemorySegment source, long from, float minimum, float inverse) {
    FloatVector codes = Lanes.floats(source, from).sub(minimum).mul(inverse).add(0.5f);
    return ((IntVector) codes.convertShape(VectorOperators.F2I, Lanes.INTS, 0))
        .min(Q41Layout.MAX_CODE);
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
    float scale = Float.float16ToFloat(source.get(Q41Layout.SCALE, from));
    float minimum = Float.float16ToFloat(source.get(Q41Layout.SCALE, from + MINIMUM));
    for (int at = 0; at < ELEMENTS / 2; at += Lanes.BYTES.length()) {
      ByteVector nibbles =
          ByteVector.fromMemorySegment(Lanes.BYTES, source, from + CODES + at, Lanes.ORDER);
      ByteVector low = nibbles.and((byte) 15);
      ByteVector high = nibbles.lanewise(VectorOperators.LSHR, 4);
      for (int part = 0; part < Lanes.PARTS; part++) {
        long offset = to + 4L * at + (long) part * STEP;
        values(low, part, scale, minimum).intoMemorySegment(target, offset, Lanes.ORDER);
        values(high, part, scale, minimum).intoMemorySegment(target, offset + HALF, Lanes.ORDER);
      }
    }
  }

  private static FloatVector values(ByteVector nibbles, int part, float scale, float minimum) {
    return NibbleLanes.fourBits(nibbles, part).mul(scale).add(minimum);
  }
}
