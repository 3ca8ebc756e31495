package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The vector twin of {@link ScalarFourBit}. With 16 lanes a rank is two look-ups in registers and a
 * comparison; shorter vectors count the thresholds that are less. A block that is shorter than the
 * others is left to the scalar twin.
 */
final class VectorFourBit implements GroupKernel {
  private static final int STEP = Lanes.COUNT * Float.BYTES;
  private static final boolean HAS_LOOK_UPS = Lanes.COUNT == 16;

  /** Whether two vectors hold a value for each code. */
  private static final boolean HAS_TABLES = Lanes.COUNT >= 8;

  private final GroupKernel scalar;
  private final boolean isOrdered;
  private final byte[] codeOfRank;
  private final int[] codeLanes = new int[16];
  private final float[] thresholds;
  private final float[] bucketThresholds;
  private final int[] bucketRanks;
  private final float[] values;

  VectorFourBit(FourBitCode code) {
    this.scalar = new ScalarFourBit(code);
    this.isOrdered = code.isOrdered();
    this.codeOfRank = code.codeOfRank();
    for (int rank = 0; rank < codeOfRank.length; rank++) {
      codeLanes[rank] = codeOfRank[rank];
    }
    this.thresholds = code.thresholds();
    this.bucketThresholds = code.bucketThresholds();
    this.bucketRanks = code.bucketRanks();
    this.values = code.valueOfCode();
  }

  @Override
  public int quantize(
      MemorySegment source,
      long sourceOffset,
      int groupElements,
      int elements,
      MemorySegment[] parts) {
    if (groupElements % (2 * Lanes.COUNT) != 0) {
      return scalar.quantize(source, sourceOffset, groupElements, elements, parts);
    }
    byte[] ranks = new byte[Strip.ELEMENTS];
    byte[] packed = new byte[Strip.ELEMENTS / 2];
    int full = elements / groupElements * groupElements;
    int magnitude = 0;
    int span = Strip.wholeGroups(groupElements);
    for (int from = 0; from < full; from += span) {
      int to = Math.min(from + span, full);
      for (int group = from; group < to; group += groupElements) {
        int greatest = magnitude(source, sourceOffset + 4L * group, groupElements);
        parts[1].set(
            JAVA_FLOAT_UNALIGNED,
            (long) group / groupElements * Float.BYTES,
            Float.intBitsToFloat(greatest));
        magnitude = Math.max(magnitude, greatest);
      }
      for (int strip = from; strip < to; strip += Strip.ELEMENTS) {
        int length = Math.min(Strip.ELEMENTS, to - strip);
        int run = Math.min(groupElements, length);
        for (int at = strip; at < strip + length; at += run) {
          float amax =
              parts[1].get(JAVA_FLOAT_UNALIGNED, (long) at / groupElements * Float.BYTES);
          float factor = 1f / FourBitCode.divisor(amax);
          rank(source, sourceOffset + 4L * at, run, factor, ranks, at - strip);
        }
        if (!isOrdered && !HAS_LOOK_UPS) {
          VectorNibbles.translate(ranks, length, codeOfRank);
        }
        VectorNibbles.packHighFirst(ranks, length, packed);
        Strip.store(packed, ScalarNibbles.byteLength(length), parts[0], strip / 2);
      }
    }
    if (full < elements) {
      MemorySegment[] rest = rest(parts, full, groupElements);
      int greatest =
          scalar.quantize(
              source, sourceOffset + 4L * full, groupElements, elements - full, rest);
      magnitude = Math.max(magnitude, greatest);
    }
    return magnitude;
  }

  private static MemorySegment[] rest(MemorySegment[] parts, int from, int groupElements) {
    return new MemorySegment[]{
        parts[0].asSlice(from / 2), parts[1].asSlice((long) from / groupElements * Float.BYTES)};
  }

  private static int magnitude(MemorySegment source, long from, int count) {
    IntVector first = Lanes.magnitudes(source, from);
    IntVector second = Lanes.magnitudes(source, from + STEP);
    for (long at = from + 2L * STEP; at < from + 4L * count; at += 2L * STEP) {
      first = first.max(Lanes.magnitudes(source, at));
      second = second.max(Lanes.magnitudes(source, at + STEP));
    }
    return first.max(second).reduceLanes(VectorOperators.MAX);
  }

  private void rank(
      MemorySegment source, long from, int count, float factor, byte[] ranks, int to) {
    if (HAS_LOOK_UPS) {
      lookUp(source, from, count, factor, ranks, to);
    } else {
      compare(source, from, count, factor, ranks, to);
    }
  }

  private void lookUp(
      MemorySegment source, long from, int count, float factor, byte[] ranks, int to) {
    IntVector lowRanks = IntVector.fromArray(Lanes.INTS, bucketRanks, 0);
    IntVector highRanks = IntVector.fromArray(Lanes.INTS, bucketRanks, Lanes.COUNT);
    IntVector lowBits =
        FloatVector.fromArray(Lanes.FLOATS, bucketThresholds, 0).reinterpretAsInts();
    IntVector highBits =
        FloatVector.fromArray(Lanes.FLOATS, bucketThresholds, Lanes.COUNT).reinterpretAsInts();
    IntVector codes = IntVector.fromArray(Lanes.INTS, codeLanes, 0);
    FloatVector zero = FloatVector.zero(Lanes.FLOATS);
    for (int i = 0; i < count; i += Lanes.COUNT) {
      FloatVector scaled = Lanes.floats(source, from + 4L * i).mul(factor);
      FloatVector place =
          scaled.mul(FourBitCode.BUCKETS_PER_UNIT).add(FourBitCode.BUCKETS_PER_UNIT);
      IntVector bucket =
          ((IntVector) place.convertShape(VectorOperators.F2I, Lanes.INTS, 0))
              .min(FourBitCode.BUCKETS - 1);
      FloatVector threshold = bucket.selectFrom(lowBits, highBits).reinterpretAsFloats();
      IntVector rank = bucket.selectFrom(lowRanks, highRanks);
      rank = rank.sub(-1, greater(scaled, threshold));
      if (!isOrdered) {
        rank = rank.sub(-1, greater(scaled, zero)).selectFrom(codes);
      }
      ((ByteVector) rank.convertShape(VectorOperators.I2B, Lanes.BYTES, 0))
          .intoArray(ranks, to + i);
    }
  }

  private static VectorMask<Integer> greater(FloatVector scaled, FloatVector threshold) {
    return scaled.compare(VectorOperators.GT, threshold).cast(Lanes.INTS);
  }

  private static VectorMask<Integer> greater(FloatVector scaled, float threshold) {
    return scaled.compare(VectorOperators.GT, threshold).cast(Lanes.INTS);
  }

  private void compare(
      MemorySegment source, long from, int count, float factor, byte[] ranks, int to) {
    for (int i = 0; i < count; i += Lanes.COUNT) {
      FloatVector scaled = Lanes.floats(source, from + 4L * i).mul(factor);
      IntVector rank = IntVector.zero(Lanes.INTS);
      for (float threshold : thresholds) {
        rank = rank.sub(greater(scaled, threshold).toVector());
      }
      Lanes.storeBytes(rank, ranks, to + i);
    }
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
    boolean fits = HAS_TABLES && groupElements % Lanes.BYTES.length() == 0;
    int full = fits ? elements / groupElements * groupElements : 0;
    for (int strip = 0; strip < full; strip += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, full - strip);
      Strip.load(parts[0], strip / 2, packed, length / 2);
      VectorNibbles.unpackHighFirst(packed, length / 2, codes);
      for (int at = strip; at < strip + length;) {
        int group = at / groupElements;
        int run = Math.min((group + 1) * groupElements, strip + length) - at;
        float scale = parts[1].get(JAVA_FLOAT_UNALIGNED, (long) group * Float.BYTES);
        restore(codes, at - strip, run, scale, target, targetOffset + 4L * at);
        at += run;
      }
    }
    if (full < elements) {
      MemorySegment[] rest = rest(parts, full, groupElements);
      scalar.dequantize(rest, groupElements, elements - full, target, targetOffset + 4L * full);
    }
  }

  private void restore(
      byte[] codes, int from, int count, float scale, MemorySegment target, long targetOffset) {
    IntVector low = FloatVector.fromArray(Lanes.FLOATS, values, 0).mul(scale).reinterpretAsInts();
    IntVector high =
        FloatVector.fromArray(Lanes.FLOATS, values, 16 - Lanes.COUNT).mul(scale)
            .reinterpretAsInts();
    for (int i = 0; i < count; i += Lanes.BYTES.length()) {
      ByteVector some = ByteVector.fromArray(Lanes.BYTES, codes, from + i);
      for (int part = 0; part < Lanes.PARTS; part++) {
        IntVector code = (IntVector) some.convertShape(VectorOperators.B2I, Lanes.INTS, part);
        IntVector bits = HAS_LOOK_UPS ? code.selectFrom(low) : code.selectFrom(low, high);
        long offset = targetOffset + 4L * i + (long) part * STEP;
        bits.intoMemorySegment(target, offset, Lanes.ORDER);
      }
    }
  }
}
