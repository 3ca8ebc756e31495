package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarInt8}. */
final class VectorInt8 implements GroupKernel {
  private static final int STEP = Lanes.COUNT * Float.BYTES;

  /** The bits of {@link Int8Rule#MAGIC}: codes are clamped while it is still added to them. */
  private static final int MAGIC_BITS = Float.floatToRawIntBits(Int8Rule.MAGIC);

  private final Int8Rule rule;

  VectorInt8(Int8Rule rule) {
    this.rule = rule;
  }

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int elements,
      MemorySegment[] parts) {
    int magnitude = 0;
    int group = 0;
    for (int from = 0; from < elements; from += groupElements) {
      int count = Math.min(groupElements, elements - from);
      long at = sourceOffset + 4L * from;
      int greatest = magnitude(source, at, count);
      float scale = rule.scale(Float.intBitsToFloat(greatest));
      float operand = rule.operand(scale);
      parts[1].set(JAVA_FLOAT_UNALIGNED, 4L * group++, scale);
      if (!rule.isDividing()) {
        multiply(source, at, count, operand, parts[0], from);
      } else if (operand == 0) {
        divideEach(source, at, 0, count, operand, parts[0], from);
      } else {
        divide(source, at, count, operand, parts[0], from);
      }
      magnitude = Math.max(magnitude, greatest);
    }
    return magnitude;
  }

  private static int magnitude(MemorySegment source, long from, int count) {
    IntVector first = IntVector.zero(Lanes.INTS);
    IntVector second = first;
    IntVector third = first;
    IntVector fourth = first;
    int i = 0;
    for (; i <= count - 4 * Lanes.COUNT; i += 4 * Lanes.COUNT) {
      long at = from + 4L * i;
      first = first.max(Lanes.magnitudes(source, at));
      second = second.max(Lanes.magnitudes(source, at + STEP));
      third = third.max(Lanes.magnitudes(source, at + 2L * STEP));
      fourth = fourth.max(Lanes.magnitudes(source, at + 3L * STEP));
    }
    int greatest = first.max(second).max(third.max(fourth)).reduceLanes(VectorOperators.MAX);
    for (; i < count; i++) {
      greatest = Math.max(greatest, source.get(JAVA_INT_UNALIGNED, from + 4L * i) & 0x7fffffff);
    }
    return greatest;
  }

  private static void multiply(
      MemorySegment source, long from, int count, float factor, MemorySegment target, long to) {
    int i = 0;
    for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
      Lanes.storeBytes(codes(Lanes.floats(source, from + 4L * i).mul(factor)), target, to + i);
    }
    for (; i < count; i++) {
      float value = source.get(JAVA_FLOAT_UNALIGNED, from + 4L * i);
      target.set(JAVA_BYTE, to + i, Int8Rule.code(value * factor));
    }
  }

  private static void divide(
      MemorySegment source, long from, int count, float divisor, MemorySegment target, long to) {
    int i = 0;
    for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
      Lanes.storeBytes(codes(Lanes.floats(source, from + 4L * i).div(divisor)), target, to + i);
    }
    divideEach(source, from, i, count, divisor, target, to);
  }

  private static void divideEach(
      MemorySegment source,
      long from,
      int first,
      int count,
      float divisor,
      MemorySegment target,
      long to) {
    for (int i = first; i < count; i++) {
      float value = source.get(JAVA_FLOAT_UNALIGNED, from + 4L * i);
      target.set(JAVA_BYTE, to + i, Int8Rule.code(value / divisor));
    }
  }

  private static IntVector codes(FloatVector scaled) {
    IntVector shifted = scaled.add(Int8Rule.MAGIC).reinterpretAsInts();
    return shifted.max(MAGIC_BITS - 128).min(MAGIC_BITS + 127);
  }

  @Override
  public void dequantize(
      MemorySegment[] parts,
      int groupElements,
      int elements,
      MemorySegment target,
      long targetOffset) {
    float unit = rule.unit();
    int group = 0;
    for (int from = 0; from < elements; from += groupElements) {
      int count = Math.min(groupElements, elements - from);
      float scale = parts[1].get(JAVA_FLOAT_UNALIGNED, 4L * group++);
      dequantize(parts[0], from, count, scale, unit, target, targetOffset + 4L * from);
    }
  }

  private static void dequantize(
      MemorySegment codes,
      long from,
      int count,
      float scale,
      float unit,
      MemorySegment target,
      long to) {
    int i = 0;
    for (; i <= count - Lanes.BYTES.length(); i += Lanes.BYTES.length()) {
      ByteVector some = ByteVector.fromMemorySegment(Lanes.BYTES, codes, from + i, Lanes.ORDER);
      for (int part = 0; part < Lanes.PARTS; part++) {
        FloatVector values =
            (FloatVector) some.convertShape(VectorOperators.B2F, Lanes.FLOATS, part);
        values.mul(scale).mul(unit)
            .intoMemorySegment(target, to + 4L * i + (long) part * STEP, Lanes.ORDER);
      }
    }
    for (; i < count; i++) {
      target.set(
          JAVA_FLOAT_UNALIGNED, to + 4L * i, codes.get(JAVA_BYTE, from + i) * scale * unit);
    }
  }
}
