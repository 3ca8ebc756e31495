package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/** The reference for {@link IntegerRule}, a strip at a time; codes of four bits begin low. */
final class ScalarIntegers implements GroupKernel {
  private final IntegerRule rule;

  ScalarIntegers(IntegerRule rule) {
    this.rule = rule;
  }

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int elements,
      MemorySegment[] parts) {
    int[] bits = new int[Strip.ELEMENTS];
    float[] values = new float[Strip.ELEMENTS];
    byte[] codes = new byte[Strip.ELEMENTS + 1];
    byte[] packed = new byte[Strip.ELEMENTS / 2];
    long all = ValueRange.EMPTY;
    int span = Strip.wholeGroups(groupElements);
    for (int from = 0; from < elements; from += span) {
      int to = Math.min(from + span, elements);
      for (int start = from; start < to; start += groupElements) {
        int length = Math.min(groupElements, to - start);
        long range = range(source, sourceOffset + 4L * start, length, bits);
        float first = source.get(JAVA_FLOAT_UNALIGNED, sourceOffset + 4L * start);
        storeParameters(range, first, start / groupElements, parts);
        all = ValueRange.join(all, range);
      }
      for (int strip = from; strip < to; strip += Strip.ELEMENTS) {
        int length = Math.min(Strip.ELEMENTS, to - strip);
        Strip.load(source, sourceOffset + 4L * strip, values, length);
        for (int at = strip; at < strip + length; at += groupElements) {
          int run = Math.min(groupElements, strip + length - at);
          encode(values, at - strip, run, at / groupElements, parts, codes);
        }
        store(codes, length, strip, groupElements, packed, parts[0]);
      }
    }
    rule.clearPadding(parts[0], elements);
    return ValueRange.magnitude(all);
  }

  private static long range(MemorySegment source, long offset, int count, int[] bits) {
    int low = Integer.MAX_VALUE;
    int high = Integer.MIN_VALUE;
    for (int at = 0; at < count; at += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, count - at);
      Strip.load(source, offset + 4L * at, bits, length);
      for (int i = 0; i < length; i++) {
        int key = ValueRange.key(bits[i]);
        low = Math.min(low, key);
        high = Math.max(high, key);
      }
    }
    return ValueRange.of(low, high);
  }

  private void storeParameters(long range, float first, int group, MemorySegment[] parts) {
    storeParameters(rule, range, first, group, parts);
  }

  /** Stores scale and zero point of a group. */
  static void storeParameters(
      IntegerRule rule, long range, float first, int group, MemorySegment[] parts) {
    float low = ValueRange.low(range);
    float scale = rule.scale(low, ValueRange.high(range), first);
    parts[1].set(JAVA_FLOAT_UNALIGNED, 4L * group, rule.stored(scale));
    rule.storeZeroPoint(parts, group, rule.zeroPoint(low, scale));
  }

  private void encode(
      float[] values, int from, int count, int group, MemorySegment[] parts, byte[] codes) {
    float operand = rule.operand(parts[1].get(JAVA_FLOAT_UNALIGNED, 4L * group));
    float shift = rule.zeroPoint(parts, group);
    if (rule.isOnnx()) {
      for (int i = from; i < from + count; i++) {
        codes[i] = rule.code(values[i] * operand + shift);
      }
    } else {
      for (int i = from; i < from + count; i++) {
        codes[i] = rule.code(values[i] / operand + shift);
      }
    }
  }

  private void store(
      byte[] codes, int count, int at, int groupElements, byte[] packed, MemorySegment data) {
    if (rule.bits() == 8) {
      Strip.store(codes, count, data, at);
      return;
    }
    codes[count] = rule.beside(codes, count, (at + count - 1) % (2 * groupElements) + 1);
    ScalarNibbles.packLowFirst(codes, count, packed);
    Strip.store(packed, ScalarNibbles.byteLength(count), data, at / 2);
  }

  @Override
  public void dequantize(
      MemorySegment[] parts,
      int groupElements,
      int elements,
      MemorySegment target,
      long targetOffset) {
    byte[] packed = new byte[Strip.ELEMENTS];
    byte[] codes = new byte[Strip.ELEMENTS];
    float[] values = new float[Strip.ELEMENTS];
    for (int strip = 0; strip < elements; strip += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, elements - strip);
      if (rule.bits() == 8) {
        Strip.load(parts[0], strip, codes, length);
      } else {
        int bytes = ScalarNibbles.byteLength(length);
        Strip.load(parts[0], strip / 2, packed, bytes);
        ScalarNibbles.unpackLowFirst(packed, bytes, codes);
      }
      for (int at = strip; at < strip + length;) {
        int group = at / groupElements;
        int run = (int) Math.min((group + 1L) * groupElements, strip + length) - at;
        float scale = parts[1].get(JAVA_FLOAT_UNALIGNED, 4L * group);
        int zero = rule.codeOfZero(rule.zeroPoint(parts, group));
        for (int i = at - strip; i < at - strip + run; i++) {
          values[i] = ((codes[i] & 255) - zero) * scale;
        }
        at += run;
      }
      Strip.store(values, length, target, targetOffset + 4L * strip);
    }
  }
}
