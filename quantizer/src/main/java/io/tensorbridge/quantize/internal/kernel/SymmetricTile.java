package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Some full groups of a symmetric {@link IntegerRule}, whose scales are made at once: what decides a
 * group is collected in a vector, a lane for each group, so that no lane waits for a store.
 */
final class SymmetricTile {
  /** Groups of a tile. */
  static final int GROUPS = 16;

  /** A whole number of vectors, and of packed codes. */
  private static final int UNIT = AdjacentNibbles.ELEMENTS;

  private static final int STEP = Lanes.COUNT * Float.BYTES;
  private static final int MAGIC_BITS = Float.floatToRawIntBits(Int8Rule.MAGIC);

  private final IntegerRule rule;
  private final int groupElements;

  /** What the values of each group are multiplied with, or divided by. */
  private final float[] operands = new float[GROUPS];

  SymmetricTile(IntegerRule rule, int groupElements) {
    this.rule = rule;
    this.groupElements = groupElements;
  }

  /** Whether groups can go through tiles. */
  static boolean takes(IntegerRule rule, int groupElements) {
    return rule.isSymmetric() && groupElements % UNIT == 0 && groupElements <= Strip.ELEMENTS;
  }

  /** Quantizes a tile; returns the greatest magnitude as raw bits. */
  int quantize(MemorySegment source, long sourceOffset, int firstGroup, MemorySegment[] parts) {
    int groupBytes = groupElements * Float.BYTES;
    MemorySegment values = source.asSlice(sourceOffset, (long) GROUPS * groupBytes);
    MemorySegment scales = parts[1].asSlice(4L * firstGroup, 4L * GROUPS);
    int codeBytes = groupElements * rule.bits() / 8;
    MemorySegment codes =
        parts[0].asSlice((long) firstGroup * codeBytes, (long) GROUPS * codeBytes);
    int magnitude = 0;
    for (int group = 0; group < GROUPS; group += Lanes.COUNT) {
      IntVector extremes = extremes(values, group * groupBytes, groupBytes);
      scale(extremes, group, scales);
      if (extremes.compare(VectorOperators.LE, Integer.MIN_VALUE + 1).anyTrue()) {
        scaleZeros(extremes, values, group, scales);
      }
      int greatest = extremes.reduceLanes(VectorOperators.MAX);
      magnitude = Math.max(magnitude, (greatest ^ Integer.MIN_VALUE) >>> 1);
    }
    for (int group = 0; group < GROUPS; group++) {
      store(values, group * groupBytes, operands[group], codes, group * codeBytes);
    }
    return magnitude;
  }

  /**
   * The value of the greatest magnitude of each group, the negative one of two; as integers in that
   * order: the magnitude, then the sign, less 2^31.
   */
  private static IntVector extremes(MemorySegment source, int from, int groupBytes) {
    IntVector extremes = IntVector.zero(Lanes.INTS);
    for (int i = 0; i < Lanes.COUNT; i++) {
      int start = from + i * groupBytes;
      IntVector greatest = key(Lanes.ints(source, start));
      for (int at = STEP; at < groupBytes; at += STEP) {
        greatest = greatest.max(key(Lanes.ints(source, start + at)));
      }
      int extreme = greatest.reduceLanes(VectorOperators.MAX);
      extremes = extremes.blend(extreme, Lanes.INDEX.eq(i));
    }
    return extremes;
  }

  private static IntVector key(IntVector bits) {
    return bits.lanewise(VectorOperators.ROL, 1).lanewise(VectorOperators.XOR, Integer.MIN_VALUE);
  }

  /** As {@link IntegerRule#scale}, {@link IntegerRule#stored} and {@link IntegerRule#operand}. */
  private void scale(IntVector extremes, int group, MemorySegment scales) {
    IntVector rotated = extremes.lanewise(VectorOperators.XOR, Integer.MIN_VALUE);
    FloatVector scale;
    FloatVector operand;
    if (rule.isOnnx()) {
      FloatVector values = rotated.lanewise(VectorOperators.ROR, 1).reinterpretAsFloats();
      scale = values.neg().div((float) rule.middle());
      VectorMask<Float> isZero = scale.eq(0f);
      operand = FloatVector.broadcast(Lanes.FLOATS, 1f).div(scale).blend(0f, isZero);
    } else {
      FloatVector magnitudes = rotated.lanewise(VectorOperators.LSHR, 1).reinterpretAsFloats();
      FloatVector exact = magnitudes.div(rule.maxCode() / 2f);
      scale = exact.blend(rule.stored(0), exact.eq(0f));
      operand = scale;
    }
    scale.intoMemorySegment(scales, 4L * group, Lanes.ORDER);
    operand.intoArray(operands, group);
  }

  /** Groups of zeros alone have the sign of their first one. */
  private void scaleZeros(
      IntVector extremes, MemorySegment values, int firstGroup, MemorySegment scales) {
    for (int i = 0; i < Lanes.COUNT; i++) {
      int group = firstGroup + i;
      if (extremes.lane(i) <= Integer.MIN_VALUE + 1) {
        float first = values.get(JAVA_FLOAT_UNALIGNED, 4L * group * groupElements);
        float scale = rule.stored(rule.scale(first, first, first));
        scales.set(JAVA_FLOAT_UNALIGNED, 4L * group, scale);
      }
    }
  }

  /** Stores the codes of a group, for both layouts in one loop, so that it is inlined once. */
  private void store(MemorySegment source, int from, float operand, MemorySegment codes, int to) {
    for (int at = 0; at < groupElements; at += UNIT) {
      ByteVector packed = ByteVector.zero(AdjacentNibbles.BYTES);
      for (int part = 0; part < AdjacentNibbles.PARTS; part++) {
        int element = at + part * Lanes.COUNT;
        IntVector code = code(Lanes.floats(source, from + 4 * element), operand);
        if (rule.bits() == 8) {
          Lanes.storeBytes(code, codes, to + element);
        } else {
          packed = packed.or(AdjacentNibbles.pack(code, part));
        }
      }
      if (rule.bits() == 4) {
        packed.intoMemorySegment(codes, to + at / 2, Lanes.ORDER);
      }
    }
  }

  /** As {@link IntegerRule#code}. */
  private IntVector code(FloatVector values, float operand) {
    if (rule.isOnnx()) {
      FloatVector shifted = values.mul(operand).add(rule.middle());
      FloatVector raised = shifted.add(IntegerRule.BELOW_HALF);
      IntVector code = (IntVector) raised.convertShape(VectorOperators.F2I, Lanes.INTS, 0);
      return code.max(0).min(rule.maxCode());
    }
    int least = MAGIC_BITS - rule.middle();
    IntVector raised = values.div(operand).add(Int8Rule.MAGIC).reinterpretAsInts();
    return raised.max(least).min(least + rule.maxCode()).sub(least);
  }
}
