package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.TwoLevelScale.GROUP;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarTwoLevelNvfp4}. */
final class VectorTwoLevelNvfp4 implements GroupKernel {
  private static final SmallFloat TYPE = SmallFloat.E2M1;
  private static final int STEP = Lanes.COUNT * Float.BYTES;
  private static final int GROUP_BYTES = GROUP * Float.BYTES;

  /** Bytes of the codes of a group. */
  private static final int CODES = GROUP / 2;

  private static final SmallFloat SCALES = SmallFloat.E4M3;

  /** Groups whose scales are made at once. */
  private static final int STRIP_GROUPS = 64;

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int elements,
      MemorySegment[] parts) {
    float tensorScale = parts[2].get(JAVA_FLOAT_UNALIGNED, 0);
    int[] magnitudes = new int[STRIP_GROUPS];
    float[] factors = new float[STRIP_GROUPS];
    byte[] scales = new byte[STRIP_GROUPS];
    int groups = elements / GROUP;
    IntVector greatest = IntVector.zero(Lanes.INTS);
    for (int first = 0; first < groups; first += STRIP_GROUPS) {
      int count = Math.min(STRIP_GROUPS, groups - first);
      long from = sourceOffset + (long) first * GROUP_BYTES;
      Arrays.fill(magnitudes, count, STRIP_GROUPS, 0);
      for (int i = 0; i < count; i++) {
        magnitudes[i] = magnitude(source, from + (long) i * GROUP_BYTES);
      }
      greatest = greatest.max(scale(magnitudes, tensorScale, factors, scales));
      Strip.store(scales, count, parts[1], first);
      for (int i = 0; i < count; i++) {
        pack(source, from + (long) i * GROUP_BYTES, factors[i], parts[0],
            (long) (first + i) * CODES);
      }
    }
    return greatest.reduceLanes(VectorOperators.MAX);
  }

  /** {@link TwoLevelScale#ofGroup} and {@link TwoLevelScale#factor} of all groups of a strip. */
  private static IntVector scale(
      int[] magnitudes, float tensorScale, float[] factors, byte[] scales) {
    IntVector greatest = IntVector.zero(Lanes.INTS);
    FloatVector inverse = FloatVector.broadcast(Lanes.FLOATS, 1 / tensorScale);
    for (int i = 0; i < STRIP_GROUPS; i += Lanes.COUNT) {
      IntVector magnitude = IntVector.fromArray(Lanes.INTS, magnitudes, i);
      IntVector scale =
          magnitude
              .reinterpretAsFloats()
              .div(TwoLevelScale.MAX)
              .div(tensorScale)
              .reinterpretAsInts()
              .max(TwoLevelScale.LEAST_OF_GROUP_BITS);
      IntVector codes = SmallFloatLanes.encode(SCALES, scale, SCALES.maxBits);
      Lanes.storeBytes(codes, scales, i);
      inverse.div(SmallFloatLanes.decode(SCALES, codes)).intoArray(factors, i);
      greatest = greatest.max(magnitude);
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

  private static void pack(
      MemorySegment source, long from, float factor, MemorySegment target, long to) {
    ByteVector packed = AdjacentNibbles.pack(codes(source, from, factor), 0);
    for (int part = 1; part < AdjacentNibbles.PARTS; part++) {
      IntVector codes = codes(source, from + (long) part * STEP, factor);
      packed = packed.or(AdjacentNibbles.pack(codes, part));
    }
    packed.intoMemorySegment(target, to, Lanes.ORDER);
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
