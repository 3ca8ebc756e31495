package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Mxfp4Layout.BYTES;
import static io.tensorbridge.quantize.internal.kernel.Mxfp4Layout.CODES;
import static io.tensorbridge.quantize.internal.kernel.Mxfp4Layout.ELEMENTS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarMxfp4}. */
final class VectorMxfp4 implements BlockKernel {
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
    int exponent = Mxfp4Layout.exponent(magnitude);
    float inverse = Mxfp4Layout.inverse(exponent);
    int maxCode = Mxfp4Layout.maxCode(exponent);
    target.set(JAVA_BYTE, to, (byte) exponent);
    for (int at = 0; at < HALF; at += STEP) {
      IntVector low = codes(source, from + at, inverse, maxCode);
      IntVector high = codes(source, from + HALF + at, inverse, maxCode);
      NibbleLanes.store(low, high, target, to + CODES + at / Float.BYTES);
    }
    return magnitude;
  }

  private static IntVector codes(MemorySegment source, long from, float inverse, int maxCode) {
    IntVector bits = Lanes.floats(source, from).mul(inverse).reinterpretAsInts();
    IntVector codes = E2m1Lanes.magnitudeCodes(bits.and(0x7fffffff)).min(maxCode);
    return E2m1Lanes.signed(codes, bits);
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
    float scale = Mxfp4Layout.halfScale(Byte.toUnsignedInt(source.get(JAVA_BYTE, from)));
    for (int at = 0; at < ELEMENTS / 2; at += Lanes.BYTES.length()) {
      ByteVector nibbles =
          ByteVector.fromMemorySegment(Lanes.BYTES, source, from + CODES + at, Lanes.ORDER);
      ByteVector low = E2m1Lanes.doubled(nibbles);
      ByteVector high = E2m1Lanes.doubled(nibbles.lanewise(VectorOperators.LSHR, 4));
      for (int part = 0; part < Lanes.PARTS; part++) {
        long offset = to + 4L * at + (long) part * STEP;
        values(low, part, scale).intoMemorySegment(target, offset, Lanes.ORDER);
        values(high, part, scale).intoMemorySegment(target, offset + HALF, Lanes.ORDER);
      }
    }
  }

  private static FloatVector values(ByteVector doubled, int part, float scale) {
    return ((FloatVector) doubled.convertShape(VectorOperators.B2F, Lanes.FLOATS, part)).mul(scale);
  }
}
