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
final class VectorQ80 implements BlockKernel {
  private static final int STEP = Lanes.COUNT * Float.BYTES;
  private static final int BLOCK = ELEMENTS * Float.BYTES;

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
    IntVector greatest = Lanes.magnitudes(source, from);
    for (int at = STEP; at < BLOCK; at += STEP) {
      greatest = greatest.max(Lanes.magnitudes(source, from + at));
    }
    int magnitude = greatest.reduceLanes(VectorOperators.MAX);
    float scale = Q80Layout.scale(magnitude);
    float inverse = Q80Layout.inverse(scale);
    target.set(Q80Layout.SCALE, to, Float.floatToFloat16(scale));
    for (int at = 0; at < BLOCK; at += STEP) {
      IntVector codes = round(Lanes.floats(source, from + at).mul(inverse));
      Lanes.storeBytes(codes, target, to + CODES + at / Float.BYTES);
    }
    return magnitude;
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
    for (int block = 0; block < blocks; block++) {
      long from = sourceOffset + (long) block * BYTES;
      long to = targetOffset + (long) block * BLOCK;
      dequantizeBlock(source, from, target, to);
    }
  }

  private static void dequantizeBlock(
      MemorySegment source, long from, MemorySegment target, long to) {
    float scale = Float.float16ToFloat(source.get(Q80Layout.SCALE, from));
    for (int at = 0; at < ELEMENTS; at += Lanes.BYTES.length()) {
      ByteVector codes =
          ByteVector.fromMemorySegment(Lanes.BYTES, source, from + CODES + at, Lanes.ORDER);
      for (int part = 0; part < Lanes.PARTS; part++) {
        FloatVector values =
            (FloatVector) codes.convertShape(VectorOperators.B2F, Lanes.FLOATS, part);
        long offset = to + 4L * at + (long) part * STEP;
        values.mul(scale).intoMemorySegment(target, offset, Lanes.ORDER);
      }
    }
  }
}
