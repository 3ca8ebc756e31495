package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarScaledFloat8}. */
final class VectorScaledFloat8 extends ScaledFloat8 {
  private static final int LANES = Lanes.COUNT;

  VectorScaledFloat8(SmallFloat type, Extent extent) {
    super(type, extent);
  }

  @Override
  int magnitude(MemorySegment source, long sourceOffset, int count) {
    IntVector greatest = IntVector.zero(Lanes.INTS);
    IntVector other = IntVector.zero(Lanes.INTS);
    int i = 0;
    for (; i <= count - 2 * LANES; i += 2 * LANES) {
      greatest = greatest.max(Lanes.magnitudes(source, sourceOffset + 4L * i));
      other = other.max(Lanes.magnitudes(source, sourceOffset + 4L * (i + LANES)));
    }
    int magnitude = greatest.max(other).reduceLanes(VectorOperators.MAX);
    for (; i < count; i++) {
      int bits = source.get(JAVA_INT_UNALIGNED, sourceOffset + 4L * i);
      magnitude = Math.max(magnitude, bits & 0x7fffffff);
    }
    return magnitude;
  }

  @Override
  int cast(
      MemorySegment source,
      long sourceOffset,
      int count,
      float scale,
      MemorySegment target,
      long targetOffset) {
    IntVector greatest = IntVector.zero(Lanes.INTS);
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      FloatVector values = Lanes.floats(source, sourceOffset + 4L * i);
      greatest = greatest.max(values.reinterpretAsInts().and(0x7fffffff));
      IntVector bits = values.div(scale).reinterpretAsInts();
      Lanes.storeBytes(SmallFloatLanes.encode(type, bits, type.maxBits), target, targetOffset + i);
    }
    int magnitude = greatest.reduceLanes(VectorOperators.MAX);
    for (; i < count; i++) {
      float value = source.get(JAVA_FLOAT_UNALIGNED, sourceOffset + 4L * i);
      magnitude = Math.max(magnitude, Float.floatToRawIntBits(value) & 0x7fffffff);
      int bits = Float.floatToRawIntBits(value / scale);
      target.set(JAVA_BYTE, targetOffset + i, (byte) type.encode(bits, type.maxBits));
    }
    return magnitude;
  }

  @Override
  void widen(
      MemorySegment source,
      long sourceOffset,
      int count,
      float scale,
      MemorySegment target,
      long targetOffset) {
    int step = Lanes.BYTES.length();
    int i = 0;
    for (; i <= count - step; i += step) {
      ByteVector codes =
          ByteVector.fromMemorySegment(Lanes.BYTES, source, sourceOffset + i, Lanes.ORDER);
      for (int part = 0; part < Lanes.PARTS; part++) {
        IntVector wide =
            (IntVector) codes.convertShape(VectorOperators.ZERO_EXTEND_B2I, Lanes.INTS, part);
        SmallFloatLanes.decode(type, wide)
            .mul(scale)
            .intoMemorySegment(target, targetOffset + 4L * (i + part * LANES), Lanes.ORDER);
      }
    }
    for (; i < count; i++) {
      float value = type.decode(source.get(JAVA_BYTE, sourceOffset + i)) * scale;
      target.set(JAVA_FLOAT_UNALIGNED, targetOffset + 4L * i, value);
    }
  }
}
