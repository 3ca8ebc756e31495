package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q50Layout.BYTES;
import static io.tensorbridge.quantize.internal.kernel.Q50Layout.CODES;
import static io.tensorbridge.quantize.internal.kernel.Q50Layout.ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.Q50Layout.FIFTH_BITS;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarQ50}. */
@SuppressWarnings("NarrowCalculation") // offsets within a slice are small, and int loops compile better
final class VectorQ50 implements BlockKernel {
  private static final int GROUP = BlockLanes.GROUP;
  private static final int STEP = Lanes.COUNT * Float.BYTES;
  private static final int BLOCK = ELEMENTS * Float.BYTES;
  private static final int HALF = BLOCK / 2;

  private final BlockKernel tail = new ScalarQ50();

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    float[] inverses = new float[GROUP];
    float[] biases = new float[GROUP];
    int magnitude = 0;
    int block = 0;
    for (; block <= blocks - GROUP; block += GROUP) {
      MemorySegment from = source.asSlice(sourceOffset + (long) block * BLOCK, GROUP * BLOCK);
      MemorySegment to = target.asSlice(targetOffset + (long) block * BYTES, GROUP * BYTES);
      magnitude = Math.max(magnitude, scale(from, inverses, biases, to));
      code(from, inverses, biases, to);
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
      MemorySegment source, float[] inverses, float[] biases, MemorySegment target) {
    int greatest = 0;
    for (int i = 0; i < GROUP; i++) {
      int magnitude = BlockLanes.magnitude(source, i * BLOCK);
      float scale = Q50Layout.scale(BlockLanes.firstOf(source, i * BLOCK, magnitude));
      float inverse = Q50Layout.inverse(scale);
      inverses[i] = inverse;
      biases[i] = Q50Layout.bias(scale, inverse);
      target.set(Q50Layout.SCALE, i * BYTES, Float.floatToFloat16(scale));
      greatest = Math.max(greatest, magnitude);
    }
    return greatest;
  }

  private static void code(
      MemorySegment source, float[] inverses, float[] biases, MemorySegment target) {
    for (int i = 0; i < GROUP; i++) {
      float inverse = inverses[i];
      float bias = biases[i];
      int bits = 0;
      for (int at = 0; at < HALF; at += STEP) {
        IntVector low = codes(source, i * BLOCK + at, inverse, bias);
        IntVector high = codes(source, i * BLOCK + HALF + at, inverse, bias);
        bits |= NibbleLanes.fifthBits(low) << (at / Float.BYTES);
        bits |= NibbleLanes.fifthBits(high) << (at / Float.BYTES + ELEMENTS / 2);
        NibbleLanes.store(low.and(15), high, target, i * BYTES + CODES + at / Float.BYTES);
      }
      target.set(Q50Layout.BITS, i * BYTES + FIFTH_BITS, bits);
    }
  }

  private static IntVector codes(MemorySegment source, int from, float inverse, float bias) {
    FloatVector shifted = Lanes.floats(source, from).mul(inverse).add(bias);
    return ((IntVector) shifted.convertShape(VectorOperators.F2I, Lanes.INTS, 0))
        .min(Q50Layout.MAX_CODE);
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
    float scale = Float.float16ToFloat(source.get(Q50Layout.SCALE, from));
    int bits = source.get(Q50Layout.BITS, from + FIFTH_BITS);
    for (int at = 0; at < ELEMENTS / 2; at += Lanes.BYTES.length()) {
      ByteVector nibbles =
          ByteVector.fromMemorySegment(Lanes.BYTES, source, from + CODES + at, Lanes.ORDER);
      ByteVector low = nibbles.and((byte) 15);
      ByteVector high = nibbles.lanewise(VectorOperators.LSHR, 4);
      for (int part = 0; part < Lanes.PARTS; part++) {
        int element = at + part * Lanes.COUNT;
        int offset = to + 4 * element;
        values(low, part, bits >>> element, scale).intoMemorySegment(target, offset, Lanes.ORDER);
        values(high, part, bits >>> (element + ELEMENTS / 2), scale)
            .intoMemorySegment(target, offset + HALF, Lanes.ORDER);
      }
    }
  }

  private static FloatVector values(ByteVector nibbles, int part, int bits, float scale) {
    return NibbleLanes.fiveBits(nibbles, part, bits).sub(16f).mul(scale);
  }
}
