package io.tensorbridge.quantize.internal.kernel;

import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector twin of {@link ScalarWeightedSum} for binary16. The compiler turns loops that read
 * segments and write arrays into the processor's conversions, which the Vector API lacks; and two or
 * three terms at once stay in registers. What is not finite is looked for by the Vector API.
 */
final class VectorWeightedSumF16 implements WeightedSumKernel {
  /** Elements between bounds checks: a slice of constant length needs none inside. */
  private static final int STRIP = 2048;

  private static final VectorSpecies<Short> SHORTS = ShortVector.SPECIES_PREFERRED;
  private static final short MAGNITUDE = 0x7fff;
  private static final int INFINITE = 0x7c00;

  private final ScalarWeightedSum tail = new ScalarWeightedSum(BlockFormat.F16);

  @Override
  public boolean sum(MemorySegment[] terms, float[] weights, MemorySegment target, int count) {
    int end = count - count % STRIP;
    short[] halves = new short[STRIP];
    float[] sums = new float[STRIP];
    MemorySegment[] strips = new MemorySegment[terms.length];
    ShortVector greatest = ShortVector.zero(SHORTS);
    for (int done = 0; done < end; done += STRIP) {
      for (int k = 0; k < terms.length; k++) {
        strips[k] = terms[k].asSlice(2L * done, 2 * STRIP);
      }
      switch (terms.length) {
        case 1 -> one(strips[0], weights[0], halves);
        case 2 -> two(strips[0], weights[0], strips[1], weights[1], halves);
        case 3 -> three(
            strips[0], weights[0], strips[1], weights[1], strips[2], weights[2], halves);
        default -> many(strips, weights, sums, halves);
      }
      for (int i = 0; i < STRIP; i += SHORTS.length()) {
        greatest = greatest.max(ShortVector.fromArray(SHORTS, halves, i).and(MAGNITUDE));
      }
      Strip.store(halves, STRIP, target, 2L * done);
    }
    return (end == count || tail.sum(terms, weights, target, end, count))
        && greatest.reduceLanes(VectorOperators.MAX) < INFINITE;
  }

  private static void many(
      MemorySegment[] terms, float[] weights, float[] sums, short[] halves) {
    begin(terms[0], weights[0], terms[1], weights[1], terms[2], weights[2], sums);
    int last = terms.length - 1;
    for (int k = 3; k < last; k++) {
      add(terms[k], weights[k], sums);
    }
    end(sums, terms[last], weights[last], halves);
  }

  private static void begin(
      MemorySegment a,
      float weightA,
      MemorySegment b,
      float weightB,
      MemorySegment c,
      float weightC,
      float[] sums) {
    for (int i = 0; i < STRIP; i++) {
      sums[i] =
          weightA * Float.float16ToFloat(a.get(JAVA_SHORT_UNALIGNED, 2L * i))
              + weightB * Float.float16ToFloat(b.get(JAVA_SHORT_UNALIGNED, 2L * i))
              + weightC * Float.float16ToFloat(c.get(JAVA_SHORT_UNALIGNED, 2L * i));
    }
  }

  private static void add(MemorySegment term, float weight, float[] sums) {
    for (int i = 0; i < STRIP; i++) {
      sums[i] += weight * Float.float16ToFloat(term.get(JAVA_SHORT_UNALIGNED, 2L * i));
    }
  }

  private static void end(float[] sums, MemorySegment term, float weight, short[] halves) {
    for (int i = 0; i < STRIP; i++) {
      halves[i] =
          Float.floatToFloat16(
              sums[i] + weight * Float.float16ToFloat(term.get(JAVA_SHORT_UNALIGNED, 2L * i)));
    }
  }

  private static void one(MemorySegment a, float weightA, short[] halves) {
    for (int i = 0; i < STRIP; i++) {
      halves[i] =
          Float.floatToFloat16(
              weightA * Float.float16ToFloat(a.get(JAVA_SHORT_UNALIGNED, 2L * i)));
    }
  }

  private static void two(
      MemorySegment a, float weightA, MemorySegment b, float weightB, short[] halves) {
    for (int i = 0; i < STRIP; i++) {
      halves[i] =
          Float.floatToFloat16(
              weightA * Float.float16ToFloat(a.get(JAVA_SHORT_UNALIGNED, 2L * i))
                  + weightB * Float.float16ToFloat(b.get(JAVA_SHORT_UNALIGNED, 2L * i)));
    }
  }

  private static void three(
      MemorySegment a,
      float weightA,
      MemorySegment b,
      float weightB,
      MemorySegment c,
      float weightC,
      short[] halves) {
    for (int i = 0; i < STRIP; i++) {
      halves[i] =
          Float.floatToFloat16(
              weightA * Float.float16ToFloat(a.get(JAVA_SHORT_UNALIGNED, 2L * i))
                  + weightB * Float.float16ToFloat(b.get(JAVA_SHORT_UNALIGNED, 2L * i))
                  + weightC * Float.float16ToFloat(c.get(JAVA_SHORT_UNALIGNED, 2L * i)));
    }
  }
}
