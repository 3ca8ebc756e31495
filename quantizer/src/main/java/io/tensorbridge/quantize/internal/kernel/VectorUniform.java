package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarUniform}. */
final class VectorUniform implements UniformKernel {
  private static final float MAGIC = 12582912f;
  private static final int MAGIC_BITS = 0x4b400000;
  private static final int LANES = Lanes.COUNT;

  @Override
  public long range(MemorySegment source, long sourceOffset, int count) {
    IntVector low = IntVector.broadcast(Lanes.INTS, Integer.MAX_VALUE);
    IntVector high = IntVector.broadcast(Lanes.INTS, Integer.MIN_VALUE);
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      IntVector bits = Lanes.ints(source, sourceOffset + 4L * i);
      IntVector mask = bits.lanewise(VectorOperators.ASHR, 31).and(0x7fffffff);
      IntVector keys = bits.lanewise(VectorOperators.XOR, mask);
      low = low.min(keys);
      high = high.max(keys);
    }
    int lowKey = low.reduceLanes(VectorOperators.MIN);
    int highKey = high.reduceLanes(VectorOperators.MAX);
    for (; i < count; i++) {
      int key = ValueRange.key(source.get(JAVA_INT_UNALIGNED, sourceOffset + 4L * i));
      lowKey = Math.min(lowKey, key);
      highKey = Math.max(highKey, key);
    }
    return ValueRange.of(lowKey, highKey);
  }

  @Override
  public void codes(
      MemorySegment source,
      long sourceOffset,
      int count,
      float scale,
      float zeroPoint,
      int maxCode,
      MemorySegment codes,
      long codesOffset) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      FloatVector values = Lanes.floats(source, sourceOffset + 4L * i);
      FloatVector shifted = values.div(scale).add(zeroPoint).add(MAGIC);
      IntVector rounded = shifted.reinterpretAsInts().sub(MAGIC_BITS).min(maxCode).max(0);
      Lanes.storeBytes(rounded, codes, codesOffset + i);
    }
    for (; i < count; i++) {
      float value = source.get(JAVA_FLOAT_UNALIGNED, sourceOffset + 4L * i);
      int code = Float.floatToRawIntBits(value / scale + zeroPoint + MAGIC) - MAGIC_BITS;
      codes.set(JAVA_BYTE, codesOffset + i, (byte) Math.max(0, Math.min(code, maxCode)));
    }
  }

  @Override
  public long groups(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int groups,
      UniformRule rule,
      MemorySegment codes,
      long codesOffset,
      GroupParameters parameters,
      int firstGroup) {
    long all = ValueRange.EMPTY;
    int maxCode = rule.maxCode();
    for (int group = 0; group < groups; group++) {
      long at = (long) group * groupElements;
      long from = sourceOffset + 4 * at;
      long range = range(source, from, groupElements);
      float low = ValueRange.low(range);
      float scale = rule.scale(low, ValueRange.high(range));
      float zeroPoint = rule.zeroPoint(low, scale);
      codes(
          source, from, groupElements, scale, zeroPoint, maxCode, codes, codesOffset + at);
      parameters.set(firstGroup + group, scale, zeroPoint);
      all = ValueRange.join(all, range);
    }
    return all;
  }

  @Override
  public void pack(
      MemorySegment codes,
      long codesOffset,
      int count,
      int bits,
      MemorySegment target,
      long targetOffset) {
    switch (bits) {
      case 2 -> pack2(codes, codesOffset, count, target, targetOffset);
      case 4 -> pack4(codes, codesOffset, count, target, targetOffset);
      default -> MemorySegment.copy(codes, codesOffset, target, targetOffset, count);
    }
  }

  /** Two codes of four bits lie in a short; its low byte takes both. */
  private static void pack4(
      MemorySegment codes, long codesOffset, int count, MemorySegment target, long targetOffset) {
    int step = 2 * Lanes.SHORTS.length();
    int i = 0;
    for (; i <= count - step; i += step) {
      ShortVector pairs =
          ShortVector.fromMemorySegment(Lanes.SHORTS, codes, codesOffset + i, Lanes.ORDER);
      ShortVector packed = pairs.or(pairs.lanewise(VectorOperators.LSHR, 4));
      ((ByteVector) packed.convertShape(VectorOperators.S2B, Lanes.BYTES, 0))
          .intoMemorySegment(target, targetOffset + i / 2, Lanes.ORDER);
    }
    packTail(codes, codesOffset, i, count, 4, target, targetOffset);
  }

  /** Four codes of two bits lie in an int; its low byte takes them all. */
  private static void pack2(
      MemorySegment codes, long codesOffset, int count, MemorySegment target, long targetOffset) {
    int step = 4 * LANES;
    int i = 0;
    for (; i <= count - step; i += step) {
      IntVector fours = Lanes.ints(codes, codesOffset + i);
      IntVector pairs = fours.or(fours.lanewise(VectorOperators.LSHR, 6));
      IntVector packed = pairs.or(pairs.lanewise(VectorOperators.LSHR, 12));
      Lanes.storeBytes(packed, target, targetOffset + i / 4);
    }
    packTail(codes, codesOffset, i, count, 2, target, targetOffset);
  }

  private static void packTail(
      MemorySegment codes,
      long codesOffset,
      int done,
      int count,
      int bits,
      MemorySegment target,
      long targetOffset) {
    int perByte = 8 / bits;
    for (int i = done; i < count; i += perByte) {
      int packed = 0;
      for (int j = 0; j < perByte && i + j < count; j++) {
        packed |= codes.get(JAVA_BYTE, codesOffset + i + j) << (j * bits);
      }
      target.set(JAVA_BYTE, targetOffset + i / perByte, (byte) packed);
    }
  }

  @Override
  public void unpack(
      MemorySegment source,
      long sourceOffset,
      int count,
      int bits,
      MemorySegment codes,
      long codesOffset) {
    switch (bits) {
      case 2 -> unpack2(source, sourceOffset, count, codes, codesOffset);
      case 4 -> unpack4(source, sourceOffset, count, codes, codesOffset);
      default -> MemorySegment.copy(source, sourceOffset, codes, codesOffset, count);
    }
  }

  private static void unpack4(
      MemorySegment source, long sourceOffset, int count, MemorySegment codes, long codesOffset) {
    int step = 2 * Lanes.SHORTS.length();
    int i = 0;
    for (; i <= count - step; i += step) {
      ByteVector packed =
          ByteVector.fromMemorySegment(Lanes.BYTES, source, sourceOffset + i / 2, Lanes.ORDER);
      ShortVector wide =
          (ShortVector) packed.convertShape(VectorOperators.ZERO_EXTEND_B2S, Lanes.SHORTS, 0);
      wide.or(wide.lanewise(VectorOperators.LSHL, 4))
          .and((short) 0x0f0f)
          .intoMemorySegment(codes, codesOffset + i, Lanes.ORDER);
    }
    unpackTail(source, sourceOffset, i, count, 4, codes, codesOffset);
  }

  private static void unpack2(
      MemorySegment source, long sourceOffset, int count, MemorySegment codes, long codesOffset) {
    int step = 4 * Lanes.BYTES.length();
    int i = 0;
    for (; i <= count - step; i += step) {
      ByteVector packed =
          ByteVector.fromMemorySegment(Lanes.BYTES, source, sourceOffset + i / 4, Lanes.ORDER);
      for (int part = 0; part < Lanes.PARTS; part++) {
        IntVector wide =
            (IntVector) packed.convertShape(VectorOperators.ZERO_EXTEND_B2I, Lanes.INTS, part);
        IntVector pairs = wide.or(wide.lanewise(VectorOperators.LSHL, 12)).and(0x000f000f);
        pairs
            .or(pairs.lanewise(VectorOperators.LSHL, 6))
            .and(0x03030303)
            .intoMemorySegment(codes, codesOffset + i + 4L * LANES * part, Lanes.ORDER);
      }
    }
    unpackTail(source, sourceOffset, i, count, 2, codes, codesOffset);
  }

  private static void unpackTail(
      MemorySegment source,
      long sourceOffset,
      int done,
      int count,
      int bits,
      MemorySegment codes,
      long codesOffset) {
    int perByte = 8 / bits;
    for (int i = done; i < count; i++) {
      int packed = source.get(JAVA_BYTE, sourceOffset + i / perByte);
      int code = (packed >> (i % perByte * bits)) & ((1 << bits) - 1);
      codes.set(JAVA_BYTE, codesOffset + i, (byte) code);
    }
  }

  @Override
  public void values(
      MemorySegment codes,
      long codesOffset,
      int count,
      float scale,
      float zeroPoint,
      MemorySegment target,
      long targetOffset) {
    int step = Lanes.BYTES.length();
    int i = 0;
    for (; i <= count - step; i += step) {
      ByteVector narrow =
          ByteVector.fromMemorySegment(Lanes.BYTES, codes, codesOffset + i, Lanes.ORDER);
      for (int part = 0; part < Lanes.PARTS; part++) {
        IntVector wide =
            (IntVector) narrow.convertShape(VectorOperators.ZERO_EXTEND_B2I, Lanes.INTS, part);
        FloatVector values =
            (FloatVector) wide.convertShape(VectorOperators.I2F, Lanes.FLOATS, 0);
        values
            .sub(zeroPoint)
            .mul(scale)
            .intoMemorySegment(target, targetOffset + 4L * i + 4L * LANES * part, Lanes.ORDER);
      }
    }
    for (; i < count; i++) {
      int code = Byte.toUnsignedInt(codes.get(JAVA_BYTE, codesOffset + i));
      target.set(JAVA_FLOAT_UNALIGNED, targetOffset + 4L * i, (code - zeroPoint) * scale);
    }
  }
}
