package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q40Layout.BYTES;
import static io.tensorbridge.quantize.internal.kernel.Q40Layout.CODES;
import static io.tensorbridge.quantize.internal.kernel.Q40Layout.ELEMENTS;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarQ40}. */
final class VectorQ40 implements BlockKernel {
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
    int magnitude = BlockLanes.magnitude(source, from);
    float scale = Q40Layout.scale(BlockLanes.firstOf(source, from, magnitude));
    float inverse = Q40Layout.inverse(scale);
    float bias = Q40Layout.bias(scale, inverse);
    target.set(Q40Layout.SCALE, to, Float.floatToFloat16(scale));
    for (int at = 0; at < HALF; at += STEP) {
      IntVector low = codes(source, from + at, inverse, bias);
      IntVector high = codes(source, from + HALF + at, inverse, bias);
      IntVector nibbles = low.or(high.lanewise(VectorOperators.LSHL, 4));
      Lanes.storeBytes(nibbles, target, to + CODES + at / Float.BYTES);
    }
    return magnitude;
  }

  private static IntVector codes(MemorySegment source, long from, float inverse, float bias) {
    FloatVector shifted = Lanes.floats(source, from).mul(inverse).add(bias);
    return ((IntVector) shifted.convertShape(VectorOperators.F2I, Lanes.INTS, 0)).min(15);
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
    float scale = Float.float16ToFloat(source.get(Q40Layout.SCALE, from));
    for (int at = 0; at < ELEMENTS / 2; at += Lanes.BYTES.length()) {
      ByteVector nibbles =
          ByteVector.fromMemorySegment(Lanes.BYTES, source, from + CODES + at, Lanes.ORDER);
      ByteVector low = nibbles.and((byte) 15);
      ByteVector high = nibbles.lanewise(VectorOperators.LSHR, 4);
      for (int part = 0; part < Lanes.PARTS; part++) {
        long offset = to + 4L * at + (long) part * STEP;
        values(low, part, scale).intoMemorySegment(target, offset, Lanes.ORDER);
        values(high, part, scale).intoMemorySegment(target, offset + HALF, Lanes.ORDER);
      }
    }
  }

  private static FloatVector values(ByteVector codes, int part, float scale) {
    FloatVector wide = (FloatVector) codes.convertShape(VectorOperators.B2F, Lanes.FLOATS, part);
    return wide.sub(8f).mul(scale);
  }
}
