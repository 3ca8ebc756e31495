package io.tensorbridge.quantize.internal.kernel;

import static io.tensorbridge.quantize.internal.kernel.Nvfp4Layout.BYTES;
import static io.tensorbridge.quantize.internal.kernel.Nvfp4Layout.CODES;
import static io.tensorbridge.quantize.internal.kernel.Nvfp4Layout.ELEMENTS;
import static io.tensorbridge.quantize.internal.kernel.Nvfp4Layout.PARTS;
import static io.tensorbridge.quantize.internal.kernel.Nvfp4Layout.PART_ELEMENTS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** The vector twin of {@link ScalarNvfp4}; its vectors have at most the 8 values of half a part. */
@SuppressWarnings("NarrowCalculation") // offsets within a slice are small, and int loops compile better
final class VectorNvfp4 implements BlockKernel {
  private static final VectorSpecies<Float> FLOATS =
      Lanes.COUNT > 8 ? FloatVector.SPECIES_256 : Lanes.FLOATS;
  private static final VectorSpecies<Integer> INTS = FLOATS.withLanes(int.class);
  private static final int LANES = FLOATS.length();
  private static final int STEP = LANES * Float.BYTES;
  private static final int GROUP = 8;
  private static final int GROUP_PARTS = GROUP * PARTS;
  private static final int BLOCK = ELEMENTS * Float.BYTES;
  private static final int PART = PART_ELEMENTS * Float.BYTES;
  private static final int HALF = PART / 2;
  private static final int HALF_ELEMENTS = PART_ELEMENTS / 2;

  private final BlockKernel tail = new ScalarNvfp4();

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    byte[] scaleCodes = new byte[GROUP_PARTS];
    float[] scales = new float[GROUP_PARTS];
    int magnitude = 0;
    int block = 0;
    for (; block <= blocks - GROUP; block += GROUP) {
      MemorySegment from = source.asSlice(sourceOffset + (long) block * BLOCK, GROUP * BLOCK);
      MemorySegment to = target.asSlice(targetOffset + (long) block * BYTES, GROUP * BYTES);
      magnitude = Math.max(magnitude, scale(from, scaleCodes, scales));
      for (int part = 0; part < GROUP_PARTS; part++) {
        int start = part / PARTS * BYTES;
        int codes = start + CODES + part % PARTS * HALF_ELEMENTS;
        to.set(JAVA_BYTE, start + part % PARTS, scaleCodes[part]);
        if (scales[part] == 0) {
          first(from, part * PART, scaleCodes[part], to, codes);
        } else {
          nearest(from, part * PART, scales[part], to, codes);
        }
      }
    }
    if (block < blocks) {
      long from = sourceOffset + (long) block * BLOCK;
      long to = targetOffset + (long) block * BYTES;
      int rest = tail.quantize(source, from, target, to, blocks - block);
      magnitude = Math.max(magnitude, rest);
    }
    return magnitude;
  }

  /**
   * Makes the scales of a group, a vector of them at once; returns the greatest magnitude. A scale is
   * given as 0 where the nearest value isn't always what ggml takes, as 1 where all values are 0.
   */
  private static int scale(MemorySegment source, byte[] scaleCodes, float[] scales) {
    IntVector greatest = IntVector.zero(Lanes.INTS);
    for (int part = 0; part < GROUP_PARTS; part += Lanes.COUNT) {
      IntVector magnitudes = IntVector.zero(Lanes.INTS);
      for (int i = 0; i < Lanes.COUNT; i++) {
        magnitudes = magnitudes.blend(magnitude(source, (part + i) * PART), Lanes.INDEX.eq(i));
      }
      IntVector codes = Nvfp4Lanes.scaleCodes(magnitudes);
      FloatVector halves = Nvfp4Lanes.halfScales(codes);
      VectorMask<Float> isExact =
          magnitudes.reinterpretAsFloats()
              .compare(VectorOperators.LE, halves.mul(Nvfp4Layout.EXACT));
      Lanes.storeBytes(codes, scaleCodes, part);
      FloatVector.zero(Lanes.FLOATS)
          .blend(halves.add(halves), isExact)
          .blend(1f, magnitudes.eq(0).cast(Lanes.FLOATS))
          .intoArray(scales, part);
      greatest = greatest.max(magnitudes);
    }
    return greatest.reduceLanes(VectorOperators.MAX);
  }

  private static int magnitude(MemorySegment source, int from) {
    IntVector greatest = bits(source, from).and(0x7fffffff);
    for (int at = STEP; at < PART; at += STEP) {
      greatest = greatest.max(bits(source, from + at).and(0x7fffffff));
    }
    return greatest.reduceLanes(VectorOperators.MAX);
  }

  private static void nearest(
      MemorySegment source, int from, float scale, MemorySegment target, int to) {
    for (int at = 0; at < HALF; at += STEP) {
      IntVector nibbles = IntVector.zero(INTS);
      for (int half = HALF; half >= 0; half -= HALF) { // a loop, so that it is inlined once
        IntVector codes = codes(bits(source, from + half + at), scale);
        nibbles = nibbles.lanewise(VectorOperators.LSHL, 4).or(codes);
      }
      store(nibbles, target, to + at / Float.BYTES);
    }
  }

  /**
   * A limit of a code times the scale is a float, and what is above it has a quotient above the limit,
   * since the next float is further away, in proportion, than half a unit of the limit.
   */
  private static IntVector codes(IntVector bits, float scale) {
    IntVector magnitudes =
        bits.and(0x7fffffff).reinterpretAsFloats().div(scale).reinterpretAsInts();
    IntVector codes = E2m1Lanes.magnitudeCodes(INTS, magnitudes).min(E2m1.MAX_CODE);
    return E2m1Lanes.signed(codes, bits);
  }

  private static IntVector bits(MemorySegment source, int offset) {
    return IntVector.fromMemorySegment(INTS, source, offset, Lanes.ORDER);
  }

  private static void store(IntVector codes, MemorySegment target, int offset) {
    ByteVector bytes =
        (ByteVector) codes.convertShape(VectorOperators.I2B, ByteVector.SPECIES_64, 0);
    if (LANES == 8) {
      bytes.intoMemorySegment(target, offset, Lanes.ORDER);
    } else {
      target.set(JAVA_INT_UNALIGNED, offset, bytes.reinterpretAsInts().lane(0));
    }
  }

  private static void first(
      MemorySegment source, int from, int scaleCode, MemorySegment target, int to) {
    float halfScale = Nvfp4Layout.halfScale(scaleCode);
    if (halfScale == 0) {
      target.asSlice(to, HALF_ELEMENTS).fill((byte) 0);
      return;
    }
    for (int j = 0; j < HALF_ELEMENTS; j++) {
      float low = source.get(JAVA_FLOAT_UNALIGNED, from + 4 * j);
      float high = source.get(JAVA_FLOAT_UNALIGNED, from + HALF + 4 * j);
      int codes =
          Nvfp4Layout.code(low, halfScale) | (Nvfp4Layout.code(high, halfScale) << 4);
      target.set(JAVA_BYTE, to + j, (byte) codes);
    }
  }

  @Override
  public void dequantize(
      MemorySegment source,
      long sourceOffset,
      MemorySegment target,
      long targetOffset,
      int blocks) {
    int block = 0;
    for (; block <= blocks - GROUP; block += GROUP) {
      MemorySegment from = source.asSlice(sourceOffset + (long) block * BYTES, GROUP * BYTES);
      MemorySegment to = target.asSlice(targetOffset + (long) block * BLOCK, GROUP * BLOCK);
      for (int part = 0; part < GROUP_PARTS; part++) {
        int start = part / PARTS * BYTES;
        int scaleCode = Byte.toUnsignedInt(from.get(JAVA_BYTE, start + part % PARTS));
        float scale = Nvfp4Layout.halfScale(scaleCode);
        int codes = start + CODES + part % PARTS * HALF_ELEMENTS;
        dequantizePart(from, codes, scale, to, part * PART);
      }
    }
    if (block < blocks) {
      long from = sourceOffset + (long) block * BYTES;
      long to = targetOffset + (long) block * BLOCK;
      tail.dequantize(source, from, target, to, blocks - block);
    }
  }

  private static void dequantizePart(
      MemorySegment source, int from, float scale, MemorySegment target, int to) {
    ByteVector nibbles =
        ByteVector.fromMemorySegment(ByteVector.SPECIES_64, source, from, Lanes.ORDER);
    ByteVector low = E2m1Lanes.doubled(nibbles);
    ByteVector high = E2m1Lanes.doubled(nibbles.lanewise(VectorOperators.LSHR, 4));
    for (int part = 0; part < HALF_ELEMENTS / LANES; part++) {
      int offset = to + part * STEP;
      values(low, part, scale).intoMemorySegment(target, offset, Lanes.ORDER);
      values(high, part, scale).intoMemorySegment(target, offset + HALF, Lanes.ORDER);
    }
  }

  private static FloatVector values(ByteVector doubled, int part, float scale) {
    return ((FloatVector) doubled.convertShape(VectorOperators.B2F, FLOATS, part)).mul(scale);
  }
}
