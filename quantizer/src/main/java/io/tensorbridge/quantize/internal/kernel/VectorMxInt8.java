package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.ScalarMxFloat.GROUP;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarMxInt8}. */
final class VectorMxInt8 implements GroupKernel {
  private static final int STEP = Lanes.COUNT * Float.BYTES;
  private static final int GROUP_BYTES = GROUP * Float.BYTES;

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int elements,
      MemorySegment[] parts) {
    MemorySegment data = parts[0];
    MemorySegment exponents = parts[1];
    int greatest = 0;
    for (int group = 0; group < elements / GROUP; group++) {
      long from = sourceOffset + (long) group * GROUP_BYTES;
      IntVector magnitudes = Lanes.magnitudes(source, from);
      for (int at = STEP; at < GROUP_BYTES; at += STEP) {
        magnitudes = magnitudes.max(Lanes.magnitudes(source, from + at));
      }
      int magnitude = magnitudes.reduceLanes(VectorOperators.MAX);
      int exponent = ExponentRounding.biasedOfBytes(magnitude);
      float factor = ExponentRounding.reciprocal(exponent);
      exponents.set(JAVA_BYTE, group, (byte) exponent);
      for (int at = 0; at < GROUP_BYTES; at += STEP) {
        IntVector codes = codes(source, from + at, factor);
        Lanes.storeBytes(codes, data, (long) group * GROUP + at / Float.BYTES);
      }
      greatest = Math.max(greatest, magnitude);
    }
    return greatest;
  }

  private static IntVector codes(MemorySegment source, long from, float factor) {
    IntVector bits = Lanes.ints(source, from);
    FloatVector values = bits.and(0x7fffffff).reinterpretAsFloats();
    FloatVector raised = values.mul(factor).mul(ScalarMxInt8.ONE).add(0.5f).min(127f);
    IntVector magnitude = (IntVector) raised.convertShape(VectorOperators.F2I, Lanes.INTS, 0);
    IntVector sign = bits.lanewise(VectorOperators.ASHR, 31);
    return magnitude.lanewise(VectorOperators.XOR, sign).sub(sign);
  }

  @Override
  public void dequantize(
      MemorySegment[] parts,
      int groupElements,
      int elements,
      MemorySegment target,
      long targetOffset) {
    for (int group = 0; group < elements / GROUP; group++) {
      float scale = ExponentRounding.value(parts[1].get(JAVA_BYTE, group) & 0xff);
      long from = (long) group * GROUP;
      long to = targetOffset + (long) group * GROUP_BYTES;
      for (int at = 0; at < GROUP; at += Lanes.BYTES.length()) {
        ByteVector codes =
            ByteVector.fromMemorySegment(Lanes.BYTES, parts[0], from + at, Lanes.ORDER);
        for (int part = 0; part < Lanes.PARTS; part++) {
          FloatVector values =
              (FloatVector) codes.convertShape(VectorOperators.B2F, Lanes.FLOATS, part);
          values.mul(1 / ScalarMxInt8.ONE)
              .mul(scale)
              .intoMemorySegment(target, to + 4L * at + (long) part * STEP, Lanes.ORDER);
        }
      }
    }
  }
}
