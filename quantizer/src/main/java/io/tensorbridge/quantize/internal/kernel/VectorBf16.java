package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarBf16}. */
final class VectorBf16 implements BlockKernel {
  private static final int LANES = Lanes.COUNT;

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    IntVector greatest = IntVector.zero(Lanes.INTS);
    int i = 0;
    for (; i <= blocks - LANES; i += LANES) {
      IntVector bits = Lanes.ints(source, sourceOffset + 4L * i);
      IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
      greatest = greatest.max(bits.and(0x7fffffff));
      IntVector rounded = bits.add(0x7fff).add(odd).lanewise(VectorOperators.LSHR, 16);
      ((ShortVector) rounded.convertShape(VectorOperators.I2S, Lanes.HALVES, 0))
          .intoMemorySegment(target, targetOffset + 2L * i, Lanes.ORDER);
    }
    int magnitude = greatest.reduceLanes(VectorOperators.MAX);
    for (; i < blocks; i++) {
      int bits = source.get(JAVA_INT_UNALIGNED, sourceOffset + 4L * i);
      int rounded = (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
      magnitude = Math.max(magnitude, bits & 0x7fffffff);
      target.set(JAVA_SHORT_UNALIGNED, targetOffset + 2L * i, (short) rounded);
    }
    return magnitude;
  }

  @Override
  public void dequantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    int i = 0;
    for (; i <= blocks - LANES; i += LANES) {
      ShortVector halves =
          ShortVector.fromMemorySegment(
              Lanes.HALVES, source, sourceOffset + 2L * i, Lanes.ORDER);
      ((IntVector) halves.convertShape(VectorOperators.S2I, Lanes.INTS, 0))
          .lanewise(VectorOperators.LSHL, 16)
          .intoMemorySegment(target, targetOffset + 4L * i, Lanes.ORDER);
    }
    for (; i < blocks; i++) {
      int bits = source.get(JAVA_SHORT_UNALIGNED, sourceOffset + 2L * i) << 16;
      target.set(JAVA_FLOAT_UNALIGNED, targetOffset + 4L * i, Float.intBitsToFloat(bits));
    }
  }
}
