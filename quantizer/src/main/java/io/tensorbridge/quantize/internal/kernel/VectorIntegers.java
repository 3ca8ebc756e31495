package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarIntegers}. */
final class VectorIntegers implements GroupKernel {
  private static final int STEP = Lanes.COUNT * Float.BYTES;
  private static final int MAGIC_BITS = Float.floatToRawIntBits(Int8Rule.MAGIC);

  private final IntegerRule rule;

  VectorIntegers(IntegerRule rule) {
    this.rule = rule;
  }

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int elements,
      MemorySegment[] parts) {
    byte[] codes = new byte[Strip.ELEMENTS + 1];
    byte[] packed = new byte[Strip.ELEMENTS / 2];
    long all = ValueRange.EMPTY;
    int magnitude = 0;
    int span = Strip.wholeGroups(groupElements);
    int tiled = 0;
    if (SymmetricTile.takes(rule, groupElements)) {
      SymmetricTile tile = new SymmetricTile(rule, groupElements);
      int tileElements = SymmetricTile.GROUPS * groupElements;
      for (; tiled <= elements - tileElements; tiled += tileElements) {
        int found = tile.quantize(source, sourceOffset + 4L * tiled, tiled / groupElements, parts);
        magnitude = Math.max(magnitude, found);
      }
    }
    for (int from = tiled; from < elements; from += span) {
      int to = Math.min(from + span, elements);
      for (int start = from; start < to; start += groupElements) {
        int length = Math.min(groupElements, to - start);
        long range = range(source, sourceOffset + 4L * start, length);
        float first = source.get(JAVA_FLOAT_UNALIGNED, sourceOffset + 4L * start);
        ScalarIntegers.storeParameters(rule, range, first, start / groupElements, parts);
        all = ValueRange.join(all, range);
      }
      for (int strip = from; strip < to; strip += Strip.ELEMENTS) {
        int length = Math.min(Strip.ELEMENTS, to - strip);
        for (int at = strip; at < strip + length; at += groupElements) {
          int run = Math.min(groupElements, strip + length - at);
          encode(source, sourceOffset + 4L * at, run, at / groupElements, parts, codes, at - strip);
        }
        store(codes, length, strip, groupElements, packed, parts[0]);
      }
    }
    rule.clearPadding(parts[0], elements);
    if (tiled < elements) {
      magnitude = Math.max(magnitude, ValueRange.magnitude(all));
    }
    return magnitude;
  }

  private static long range(MemorySegment source, long from, int count) {
    IntVector low = IntVector.broadcast(Lanes.INTS, Integer.MAX_VALUE);
    IntVector high = IntVector.broadcast(Lanes.INTS, Integer.MIN_VALUE);
    int i = 0;
    for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
      IntVector bits = Lanes.ints(source, from + 4L * i);
      IntVector mask = bits.lanewise(VectorOperators.ASHR, 31).and(0x7fffffff);
      IntVector keys = bits.lanewise(VectorOperators.XOR, mask);
      low = low.min(keys);
      high = high.max(keys);
    }
    int lowKey = low.reduceLanes(VectorOperators.MIN);
    int highKey = high.reduceLanes(VectorOperators.MAX);
    for (; i < count; i++) {
      int key = ValueRange.key(source.get(JAVA_INT_UNALIGNED, from + 4L * i));
      lowKey = Math.min(lowKey, key);
      highKey = Math.max(highKey, key);
    }
    return ValueRange.of(lowKey, highKey);
  }

  private void encode(
      MemorySegment source,
      long from,
      int count,
      int group,
      MemorySegment[] parts,
      byte[] codes,
      int to) {
    float operand = rule.operand(parts[1].get(JAVA_FLOAT_UNALIGNED, 4L * group));
    float shift = rule.zeroPoint(parts, group);
    if (rule.isOnnx()) {
      multiply(source, from, count, operand, shift, codes, to);
    } else {
      divide(source, from, count, operand, shift, codes, to);
    }
  }

  private void multiply(
      MemorySegment source,
      long from,
      int count,
      float factor,
      float shift,
      byte[] codes,
      int to) {
    int maxCode = rule.maxCode();
    int i = 0;
    for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
      FloatVector shifted = Lanes.floats(source, from + 4L * i).mul(factor).add(shift);
      FloatVector raised = shifted.add(IntegerRule.BELOW_HALF);
      IntVector code = (IntVector) raised.convertShape(VectorOperators.F2I, Lanes.INTS, 0);
      Lanes.storeBytes(code.max(0).min(maxCode), codes, to + i);
    }
    for (; i < count; i++) {
      float value = source.get(JAVA_FLOAT_UNALIGNED, from + 4L * i);
      codes[to + i] = rule.code(value * factor + shift);
    }
  }

  private void divide(
      MemorySegment source,
      long from,
      int count,
      float divisor,
      float shift,
      byte[] codes,
      int to) {
    int middle = rule.middle();
    int i = 0;
    for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
      FloatVector shifted = Lanes.floats(source, from + 4L * i).div(divisor).add(shift);
      IntVector raised = shifted.add(Int8Rule.MAGIC).reinterpretAsInts();
      IntVector code = raised.max(MAGIC_BITS - middle).min(MAGIC_BITS + middle - 1);
      Lanes.storeBytes(code.sub(MAGIC_BITS - middle), codes, to + i);
    }
    for (; i < count; i++) {
      float value = source.get(JAVA_FLOAT_UNALIGNED, from + 4L * i);
      codes[to + i] = rule.code(value / divisor + shift);
    }
  }

  private void store(
      byte[] codes, int count, int at, int groupElements, byte[] packed, MemorySegment data) {
    if (rule.bits() == 8) {
      Strip.store(codes, count, data, at);
      return;
    }
    codes[count] = rule.beside(codes, count, (at + count - 1) % (2 * groupElements) + 1);
    VectorNibbles.packLowFirst(codes, count, packed);
    Strip.store(packed, ScalarNibbles.byteLength(count), data, at / 2);
  }

  @Override
  public void dequantize(
      MemorySegment[] parts,
      int groupElements,
      int elements,
      MemorySegment target,
      long targetOffset) {
    byte[] packed = new byte[Strip.ELEMENTS / 2];
    byte[] codes = new byte[Strip.ELEMENTS];
    for (int strip = 0; strip < elements; strip += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, elements - strip);
      if (rule.bits() == 8) {
        Strip.load(parts[0], strip, codes, length);
      } else {
        int bytes = ScalarNibbles.byteLength(length);
        Strip.load(parts[0], strip / 2, packed, bytes);
        VectorNibbles.unpackLowFirst(packed, bytes, codes);
      }
      for (int at = strip; at < strip + length;) {
        int group = at / groupElements;
        int run = (int) Math.min((group + 1L) * groupElements, strip + length) - at;
        float scale = parts[1].get(JAVA_FLOAT_UNALIGNED, 4L * group);
        int zero = rule.codeOfZero(rule.zeroPoint(parts, group));
        restore(codes, at - strip, run, zero, scale, target, targetOffset + 4L * at);
        at += run;
      }
    }
  }

  private static void restore(
      byte[] codes,
      int from,
      int count,
      int zero,
      float scale,
      MemorySegment target,
      long targetOffset) {
    int i = 0;
    for (; i <= count - Lanes.BYTES.length(); i += Lanes.BYTES.length()) {
      ByteVector some = ByteVector.fromArray(Lanes.BYTES, codes, from + i);
      for (int part = 0; part < Lanes.PARTS; part++) {
        IntVector code =
            (IntVector) some.convertShape(VectorOperators.ZERO_EXTEND_B2I, Lanes.INTS, part);
        FloatVector steps =
            (FloatVector) code.sub(zero).convertShape(VectorOperators.I2F, Lanes.FLOATS, 0);
        steps.mul(scale)
            .intoMemorySegment(target, targetOffset + 4L * i + (long) part * STEP, Lanes.ORDER);
      }
    }
    for (; i < count; i++) {
      float value = ((codes[from + i] & 255) - zero) * scale;
      target.set(JAVA_FLOAT_UNALIGNED, targetOffset + 4L * i, value);
    }
  }
}
