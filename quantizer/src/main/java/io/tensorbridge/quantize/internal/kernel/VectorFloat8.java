package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarFloat8}. */
final class VectorFloat8 implements BlockKernel {
  private static final int LANES = Lanes.COUNT;

  private final SmallFloat type;

  VectorFloat8(SmallFloat type) {
    this.type = type;
  }

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    int limitBits = type.castLimitBits();
    IntVector greatest = IntVector.zero(Lanes.INTS);
    int i = 0;
    for (; i <= blocks - LANES; i += LANES) {
      IntVector bits = Lanes.ints(source, sourceOffset + 4L * i);
      greatest = greatest.max(bits.and(0x7fffffff));
      Lanes.storeBytes(SmallFloatLanes.encode(type, bits, limitBits), target, targetOffset + i);
    }
    int magnitude = greatest.reduceLanes(VectorOperators.MAX);
    for (; i < blocks; i++) {
      int bits = source.get(JAVA_INT_UNALIGNED, sourceOffset + 4L * i);
      magnitude = Math.max(magnitude, bits & 0x7fffffff);
      target.set(JAVA_BYTE, targetOffset + i, (byte) type.encode(bits, limitBits));
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
    int step = Lanes.BYTES.length();
    int i = 0;
    for (; i <= blocks - step; i += step) {
      ByteVector codes =
          ByteVector.fromMemorySegment(Lanes.BYTES, source, sourceOffset + i, Lanes.ORDER);
      for (int part = 0; part < Lanes.PARTS; part++) {
        IntVector wide =
            (IntVector) codes.convertShape(VectorOperators.ZERO_EXTEND_B2I, Lanes.INTS, part);
        SmallFloatLanes.decode(type, wide)
            .intoMemorySegment(target, targetOffset + 4L * (i + part * LANES), Lanes.ORDER);
      }
    }
    for (; i < blocks; i++) {
      float value = type.decode(source.get(JAVA_BYTE, sourceOffset + i));
      target.set(JAVA_FLOAT_UNALIGNED, targetOffset + 4L * i, value);
    }
  }
}
