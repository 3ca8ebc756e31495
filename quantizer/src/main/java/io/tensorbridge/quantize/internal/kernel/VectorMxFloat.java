package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.ScalarMxFloat.GROUP;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarMxFloat}. */
final class VectorMxFloat implements GroupKernel {
  private static final int STEP = Lanes.COUNT * Float.BYTES;
  private static final int GROUP_BYTES = GROUP * Float.BYTES;

  private final SmallFloat type;
  private final ExponentRounding rounding;

  VectorMxFloat(SmallFloat type, ExponentRounding rounding) {
    this.type = type;
    this.rounding = rounding;
  }

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
      int magnitude = magnitude(source, from);
      int exponent = rounding.biased(magnitude, type);
      float factor = rounding.factor(exponent);
      exponents.set(JAVA_BYTE, group, (byte) exponent);
      if (type == SmallFloat.E2M1) {
        nibbles(source, from, factor, data, (long) group * GROUP / 2);
      } else {
        bytes(source, from, factor, data, (long) group * GROUP);
      }
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

  private void bytes(MemorySegment source, long from, float factor, MemorySegment data, long to) {
    for (int at = 0; at < GROUP_BYTES; at += STEP) {
      Lanes.storeBytes(codes(source, from + at, factor), data, to + at / Float.BYTES);
    }
  }

  private void nibbles(MemorySegment source, long from, float factor, MemorySegment data, long to) {
    for (int at = 0; at < GROUP; at += AdjacentNibbles.ELEMENTS) {
      long start = from + (long) at * Float.BYTES;
      ByteVector packed = AdjacentNibbles.pack(codes(source, start, factor), 0);
      for (int part = 1; part < AdjacentNibbles.PARTS; part++) {
        IntVector codes = codes(source, start + (long) part * STEP, factor);
        packed = packed.or(AdjacentNibbles.pack(codes, part));
      }
      packed.intoMemorySegment(data, to + at / 2, Lanes.ORDER);
    }
  }

  private IntVector codes(MemorySegment source, long from, float factor) {
    IntVector bits = Lanes.floats(source, from).mul(factor).reinterpretAsInts();
    return SmallFloatLanes.encode(type, bits, type.maxBits);
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
      long to = targetOffset + (long) group * GROUP_BYTES;
      if (type == SmallFloat.E2M1) {
        valuesOfNibbles(parts[0], (long) group * GROUP / 2, scale, target, to);
      } else {
        valuesOfBytes(parts[0], (long) group * GROUP, scale, target, to);
      }
    }
  }

  private void valuesOfBytes(
      MemorySegment data, long from, float scale, MemorySegment target, long to) {
    for (int at = 0; at < GROUP; at += Lanes.BYTES.length()) {
      ByteVector codes = ByteVector.fromMemorySegment(Lanes.BYTES, data, from + at, Lanes.ORDER);
      for (int part = 0; part < Lanes.PARTS; part++) {
        IntVector wide =
            (IntVector) codes.convertShape(VectorOperators.ZERO_EXTEND_B2I, Lanes.INTS, part);
        values(wide, scale)
            .intoMemorySegment(target, to + 4L * at + (long) part * STEP, Lanes.ORDER);
      }
    }
  }

  private void valuesOfNibbles(
      MemorySegment data, long from, float scale, MemorySegment target, long to) {
    for (int at = 0; at < GROUP; at += AdjacentNibbles.ELEMENTS) {
      ByteVector packed =
          ByteVector.fromMemorySegment(AdjacentNibbles.BYTES, data, from + at / 2, Lanes.ORDER);
      for (int part = 0; part < AdjacentNibbles.PARTS; part++) {
        values(AdjacentNibbles.unpack(packed, part), scale)
            .intoMemorySegment(target, to + 4L * at + (long) part * STEP, Lanes.ORDER);
      }
    }
  }

  private FloatVector values(IntVector codes, float scale) {
    return SmallFloatLanes.decode(type, codes).mul(scale);
  }
}
