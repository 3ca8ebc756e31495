package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.TwoLevelScale.GROUP;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarTwoLevelNvfp4}. */
final class VectorTwoLevelNvfp4 implements GroupKernel {
  private static final SmallFloat TYPE = SmallFloat.E2M1;
  private static final int STEP = Lanes.COUNT * Float.BYTES;
  private static final int GROUP_BYTES = GROUP * Float.BYTES;

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int elements,
      MemorySegment[] parts) {
    float tensorScale = parts[2].get(JAVA_FLOAT_UNALIGNED, 0);
    MemorySegment data = parts[0];
    MemorySegment scales = parts[1];
    int greatest = 0;
    for (int group = 0; group < elements / GROUP; group++) {
      long from = sourceOffset + (long) group * GROUP_BYTES;
      int magnitude = magnitude(source, from);
      int scale = TwoLevelScale.ofGroup(magnitude, tensorScale);
      float factor = TwoLevelScale.factor(scale, tensorScale);
      scales.set(JAVA_BYTE, group, (byte) scale);
      ByteVector packed = AdjacentNibbles.pack(codes(source, from, factor), 0);
      for (int part = 1; part < AdjacentNibbles.PARTS; part++) {
        IntVector codes = codes(source, from + (long) part * STEP, factor);
        packed = packed.or(AdjacentNibbles.pack(codes, part));
      }
      packed.intoMemorySegment(data, (long) group * GROUP / 2, Lanes.ORDER);
      greatest = Math.max(greatest, magnitude);
    }
    return greatest;
  }

  private static int magnitude(MemorySegment source, long from) {
    IntVector greatest = Lanes.magnitudes(source, from);
    for (int at = STEP; at < GROUP_BYTES; at += STEP) {
      greatest = greatest.max(Lanes.magnitudes(source, from + at));
    }
    return greatest.reduceLanes(VectorOperators.MAX);
  }

  private static IntVector codes(MemorySegment source, long from, float factor) {
    IntVector bits = Lanes.floats(source, from).mul(factor).reinterpretAsInts();
    return SmallFloatLanes.encode(TYPE, bits, TYPE.maxBits);
  }

  @Override
  public void dequantize(
      MemorySegment[] parts,
      int groupElements,
      int elements,
      MemorySegment target,
      long targetOffset) {
    float tensorScale = parts[2].get(JAVA_FLOAT_UNALIGNED, 0);
    for (int group = 0; group < elements / GROUP; group++) {
      float scale = TwoLevelScale.value(parts[1].get(JAVA_BYTE, group), tensorScale);
      long to = targetOffset + (long) group * GROUP_BYTES;
      ByteVector packed =
          ByteVector.fromMemorySegment(
              AdjacentNibbles.BYTES, parts[0], (long) group * GROUP / 2, Lanes.ORDER);
      for (int part = 0; part < AdjacentNibbles.PARTS; part++) {
        SmallFloatLanes.decode(TYPE, AdjacentNibbles.unpack(packed, part))
            .mul(scale)
            .intoMemorySegment(target, to + (long) part * STEP, Lanes.ORDER);
      }
    }
  }
}
