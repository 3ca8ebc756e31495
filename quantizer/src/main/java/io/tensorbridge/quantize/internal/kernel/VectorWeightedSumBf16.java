package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The vector twin of {@link ScalarWeightedSum} for bfloat16: two or three terms at once, widened,
 * added up and rounded in registers. Other numbers of terms begin and end there, with float32 sums of
 * a strip between.
 */
@SuppressWarnings("NarrowCalculation") // offsets within a slice are small, and int loops compile better
final class VectorWeightedSumBf16 implements WeightedSumKernel {
  /** Elements between bounds checks: a slice of constant length needs none inside. */
  private static final int STRIP = 512;

  private static final int MAGNITUDE = 0x7fffffff;

  private final ScalarWeightedSum tail = new ScalarWeightedSum(BlockFormat.BF16);

  @Override
  public boolean sum(MemorySegment[] terms, float[] weights, MemorySegment target, int count) {
    int end = count - count % STRIP;
    int magnitude =
        switch (terms.length) {
          case 2 -> two(terms[0], weights[0], terms[1], weights[1], target, end);
          case 3 -> three(
              terms[0], weights[0], terms[1], weights[1], terms[2], weights[2], target, end);
          default -> many(terms, weights, target, end);
        };
    return (end == count || tail.sum(terms, weights, target, end, count))
        && magnitude < ScalarWeightedSum.overflow(BlockFormat.BF16);
  }

  private static int many(
      MemorySegment[] terms, float[] weights, MemorySegment target, int end) {
    float[] sums = new float[STRIP];
    IntVector greatest = IntVector.zero(Lanes.INTS);
    for (int done = 0; done < end; done += STRIP) {
      MemorySegment first = terms[0].asSlice(2L * done, 2 * STRIP);
      for (int i = 0; i < STRIP; i += Lanes.COUNT) {
        load(first, i).mul(weights[0]).intoArray(sums, i);
      }
      for (int k = 1; k < terms.length; k++) {
        add(terms[k].asSlice(2L * done, 2 * STRIP), weights[k], sums);
      }
      MemorySegment to = target.asSlice(2L * done, 2 * STRIP);
      for (int i = 0; i < STRIP; i += Lanes.COUNT) {
        IntVector bits = FloatVector.fromArray(Lanes.FLOATS, sums, i).reinterpretAsInts();
        store(bits, to, i);
        greatest = greatest.max(bits.and(MAGNITUDE));
      }
    }
    return greatest.reduceLanes(VectorOperators.MAX);
  }

  private static void add(MemorySegment term, float weight, float[] sums) {
    for (int i = 0; i < STRIP; i += Lanes.COUNT) {
      FloatVector.fromArray(Lanes.FLOATS, sums, i).add(load(term, i).mul(weight)).intoArray(sums,
          i);
    }
  }

  private static int two(
      MemorySegment a,
      float weightA,
      MemorySegment b,
      float weightB,
      MemorySegment target,
      int end) {
    IntVector greatest = IntVector.zero(Lanes.INTS);
    for (int done = 0; done < end; done += STRIP) {
      MemorySegment fromA = a.asSlice(2L * done, 2 * STRIP);
      MemorySegment fromB = b.asSlice(2L * done, 2 * STRIP);
      MemorySegment to = target.asSlice(2L * done, 2 * STRIP);
      for (int i = 0; i < STRIP; i += Lanes.COUNT) {
        IntVector bits =
            load(fromA, i).mul(weightA).add(load(fromB, i).mul(weightB)).reinterpretAsInts();
        store(bits, to, i);
        greatest = greatest.max(bits.and(MAGNITUDE));
      }
    }
    return greatest.reduceLanes(VectorOperators.MAX);
  }

  private static int three(
      MemorySegment a,
      float weightA,
      MemorySegment b,
      float weightB,
      MemorySegment c,
      float weightC,
      MemorySegment target,
      int end) {
    IntVector greatest = IntVector.zero(Lanes.INTS);
    for (int done = 0; done < end; done += STRIP) {
      MemorySegment fromA = a.asSlice(2L * done, 2 * STRIP);
      MemorySegment fromB = b.asSlice(2L * done, 2 * STRIP);
      MemorySegment fromC = c.asSlice(2L * done, 2 * STRIP);
      MemorySegment to = target.asSlice(2L * done, 2 * STRIP);
      for (int i = 0; i < STRIP; i += Lanes.COUNT) {
        IntVector bits =
            load(fromA, i)
                .mul(weightA)
                .add(load(fromB, i).mul(weightB))
                .add(load(fromC, i).mul(weightC))
                .reinterpretAsInts();
        store(bits, to, i);
        greatest = greatest.max(bits.and(MAGNITUDE));
      }
    }
    return greatest.reduceLanes(VectorOperators.MAX);
  }

  private static FloatVector load(MemorySegment term, int index) {
    ShortVector halves =
        ShortVector.fromMemorySegment(Lanes.HALVES, term, 2 * index, Lanes.ORDER);
    return VectorBf16
        .widen((IntVector) halves.convertShape(VectorOperators.S2I, Lanes.INTS, 0))
        .reinterpretAsFloats();
  }

  private static void store(IntVector bits, MemorySegment target, int index) {
    ((ShortVector) VectorBf16.round(bits).convertShape(VectorOperators.I2S, Lanes.HALVES, 0))
        .intoMemorySegment(target, 2 * index, Lanes.ORDER);
  }
}
