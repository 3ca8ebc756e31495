package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Q80Layout.BYTES;
import static io.tensorbridge.quantize.internal.kernel.Q80Layout.CODES;
import static io.tensorbridge.quantize.internal.kernel.Q80Layout.ELEMENTS;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarQ80}. */
@SuppressWarnings("NarrowCalculation") // offsets within a slice are small, and int loops compile better
final class VectorQ80 implements BlockKernel {
  private static final int GROUP = BlockLanes.GROUP;
  private static final int STEP = Lanes.COUNT * Float.BYTES;
  private static final int BLOCK = ELEMENTS * Float.BYTES;

  private final BlockKernel tail = new ScalarQ80();

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    float[] inverses = new float[GROUP];
    int magnitude = 0;
    int block = 0;
    for (; block <= blocks - GROUP; block += GROUP) {
      MemorySegment from = source.asSlice(sourceOffset + (long) block * BLOCK, GROUP * BLOCK);
      MemorySegment to = target.asSlice(targetOffset + (long) block * BYTES, GROUP * BYTES);
      magnitude = Math.max(magnitude, scale(from, inverses, to));
      code(from, inverses, to);
    }
    if (block < blocks) {
      long from = sourceOffset + (long) block * BLOCK;
      long to = targetOffset + (long) block * BYTES;
      int rest = tail.quantize(source, from, target, to, blocks - block);
      magnitude = Math.max(magnitude, rest);
    }
    return magnitude;
  }

  private static int scale(MemorySegment source, float[] inverses, MemorySegment target) {
    int greatest = 0;
    for (int i = 0; i < GROUP; i++) {
      int magnitude = BlockLanes.magnitude(source, i * BLOCK);
      float scale = Q80Layout.scale(magnitude);
      inverses[i] = Q80Layout.inverse(scale);
      target.set(Q80Layout.SCALE, i * BYTES, Float.floatToFloat16(scale));
      greatest = Math.max(greatest, magnitude);
    }
    return greatest;
  }

  private static void code(MemorySegment source, float[] inverses, MemorySegment target) {
    for (int i = 0; i < GROUP; i++) {
      float inverse = inverses[i];
      for (int at = 0; at < BLOCK; at += STEP) {
        IntVector codes = round(Lanes.floats(source, i * BLOCK + at).mul(inverse));
        Lanes.storeBytes(codes, target, i * BYTES + CODES + at / Float.BYTES);
      }
    }
  }

  /** C's {@code roundf}: truncation after adding the float just below one half, with the sign. */
  private static IntVector round(FloatVector codes) {
    FloatVector half =
        codes.reinterpretAsInts().and(0x80000000).or(0x3effffff).reinterpretAsFloats();
    return (IntVector) codes.add(half).convertShape(VectorOperators.F2I, Lanes.INTS, 0);
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
    float scale = Float.float16ToFloat(source.get(Q80Layout.SCALE, from));
    for (int at = 0; at < ELEMENTS; at += Lanes.BYTES.length()) {
      ByteVector codes =
          ByteVector.fromMemorySegment(Lanes.BYTES, source, from + CODES + at, Lanes.ORDER);
      for (int part = 0; part < Lanes.PARTS; part++) {
        FloatVector values =
            (FloatVector) codes.convertShape(VectorOperators.B2F, Lanes.FLOATS, part);
        int offset = to + 4 * at + part * STEP;
        values.mul(scale).intoMemorySegment(target, offset, Lanes.ORDER);
      }
    }
  }
}
