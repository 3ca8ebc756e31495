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
@SuppressWarnings("NarrowCalculation") // offsets within a slice are small, and int loops compile better
final class VectorMxfp4 implements BlockKernel {
  private static final int GROUP = BlockLanes.GROUP;
  private static final int STEP = Lanes.COUNT * Float.BYTES;
  private static final int BLOCK = ELEMENTS * Float.BYTES;
  private static final int HALF = BLOCK / 2;

  private final BlockKernel tail = new ScalarMxfp4();

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    float[] inverses = new float[GROUP];
    int[] maxCodes = new int[GROUP];
    int magnitude = 0;
    int block = 0;
    for (; block <= blocks - GROUP; block += GROUP) {
      MemorySegment from = source.asSlice(sourceOffset + (long) block * BLOCK, GROUP * BLOCK);
      MemorySegment to = target.asSlice(targetOffset + (long) block * BYTES, GROUP * BYTES);
      magnitude = Math.max(magnitude, scale(from, inverses, maxCodes, to));
      code(from, inverses, maxCodes, to);
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
      MemorySegment source, float[] inverses, int[] maxCodes, MemorySegment target) {
    int greatest = 0;
    for (int i = 0; i < GROUP; i++) {
      int magnitude = BlockLanes.magnitude(source, i * BLOCK);
      int exponent = Mxfp4Layout.exponent(magnitude);
      inverses[i] = Mxfp4Layout.inverse(exponent);
      maxCodes[i] = Mxfp4Layout.maxCode(exponent);
      target.set(JAVA_BYTE, i * BYTES, (byte) exponent);
      greatest = Math.max(greatest, magnitude);
    }
    return greatest;
  }

  private static void code(
      MemorySegment source, float[] inverses, int[] maxCodes, MemorySegment target) {
    for (int i = 0; i < GROUP; i++) {
      float inverse = inverses[i];
      int maxCode = maxCodes[i];
      for (int at = 0; at < HALF; at += STEP) {
        IntVector nibbles = IntVector.zero(Lanes.INTS);
        for (int half = HALF; half >= 0; half -= HALF) { // a loop, so that it is inlined once
          IntVector codes = codes(source, i * BLOCK + half + at, inverse, maxCode);
          nibbles = nibbles.lanewise(VectorOperators.LSHL, 4).or(codes);
        }
        Lanes.storeBytes(nibbles, target, i * BYTES + CODES + at / Float.BYTES);
      }
    }
  }

  private static IntVector codes(MemorySegment source, int from, float inverse, int maxCode) {
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
    float scale = Mxfp4Layout.halfScale(Byte.toUnsignedInt(source.get(JAVA_BYTE, from)));
    for (int at = 0; at < ELEMENTS / 2; at += Lanes.BYTES.length()) {
      ByteVector nibbles =
          ByteVector.fromMemorySegment(Lanes.BYTES, source, from + CODES + at, Lanes.ORDER);
      ByteVector low = E2m1Lanes.doubled(nibbles);
      ByteVector high = E2m1Lanes.doubled(nibbles.lanewise(VectorOperators.LSHR, 4));
      for (int part = 0; part < Lanes.PARTS; part++) {
        int offset = to + 4 * at + part * STEP;
        values(low, part, scale).intoMemorySegment(target, offset, Lanes.ORDER);
        values(high, part, scale).intoMemorySegment(target, offset + HALF, Lanes.ORDER);
      }
    }
  }

  private static FloatVector values(ByteVector doubled, int part, float scale) {
    return ((FloatVector) doubled.convertShape(VectorOperators.B2F, Lanes.FLOATS, part)).mul(scale);
  }
}
