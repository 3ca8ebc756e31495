package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The vector twin of {@link ScalarWeightedSum} for float32: up to three terms at once, so that sums
 * stay in registers. More go by threes, a strip that stays in the nearest cache at a time; the sum so
 * far times 1 is itself.
 */
@SuppressWarnings("NarrowCalculation") // offsets within a slice are small, and int loops compile better
final class VectorWeightedSum implements WeightedSumKernel {
  /** Elements between bounds checks: a slice of constant length needs none inside. */
  private static final int STRIP = 512;

  private static final int MAGNITUDE = 0x7fffffff;
  private static final int INFINITE = 0x7f800000;

  private final ScalarWeightedSum tail = new ScalarWeightedSum(BlockFormat.F32);

  @Override
  public boolean sum(MemorySegment[] terms, float[] weights, MemorySegment target, int count) {
    int end = count - count % STRIP;
    int magnitude =
        switch (terms.length) {
          case 1 -> one(terms[0], weights[0], target, end);
          case 2 -> two(terms[0], weights[0], terms[1], weights[1], target, 0, end);
          case 3 -> three(
              terms[0], weights[0], terms[1], weights[1], terms[2], weights[2], target, 0, end);
          default -> many(terms, weights, target, end);
        };
    return (end == count || tail.sum(terms, weights, target, end, count)) && magnitude < INFINITE;
  }

  private static int many(
      MemorySegment[] terms, float[] weights, MemorySegment target, int count) {
    int greatest = 0;
    for (int done = 0; done < count; done += STRIP) {
      int end = done + STRIP;
      int magnitude =
          three(
              terms[0], weights[0], terms[1], weights[1], terms[2], weights[2], target, done,
              end);
      int next = 3;
      for (; next + 1 < terms.length; next += 2) {
        magnitude =
            three(
                target, 1, terms[next], weights[next], terms[next + 1], weights[next + 1], target,
                done, end);
      }
      if (next < terms.length) {
        magnitude = two(target, 1, terms[next], weights[next], target, done, end);
      }
      greatest = Math.max(greatest, magnitude);
    }
    return greatest;
  }

  private static int one(MemorySegment a, float weightA, MemorySegment target, int end) {
    IntVector greatest = IntVector.zero(Lanes.INTS);
    for (int done = 0; done < end; done += STRIP) {
      MemorySegment fromA = a.asSlice(4L * done, 4 * STRIP);
      MemorySegment to = target.asSlice(4L * done, 4 * STRIP);
      for (int i = 0; i < STRIP; i += Lanes.COUNT) {
        FloatVector sum = Lanes.floats(fromA, 4 * i).mul(weightA);
        sum.intoMemorySegment(to, 4 * i, Lanes.ORDER);
        greatest = greatest.max(sum.reinterpretAsInts().and(MAGNITUDE));
      }
    }
    return greatest.reduceLanes(VectorOperators.MAX);
  }

  private static int two(
      MemorySegment a,
      float weightA,
      MemorySegment b,
      float weightB,
      MemorySegment target,
      int first,
      int end) {
    IntVector greatest = IntVector.zero(Lanes.INTS);
    for (int done = first; done < end; done += STRIP) {
      MemorySegment fromA = a.asSlice(4L * done, 4 * STRIP);
      MemorySegment fromB = b.asSlice(4L * done, 4 * STRIP);
      MemorySegment to = target.asSlice(4L * done, 4 * STRIP);
      for (int i = 0; i < STRIP; i += Lanes.COUNT) {
        FloatVector sum =
            Lanes.floats(fromA, 4 * i).mul(weightA).add(Lanes.floats(fromB, 4 * i).mul(weightB));
        sum.intoMemorySegment(to, 4 * i, Lanes.ORDER);
        greatest = greatest.max(sum.reinterpretAsInts().and(MAGNITUDE));
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
      int first,
      int end) {
    IntVector greatest = IntVector.zero(Lanes.INTS);
    for (int done = first; done < end; done += STRIP) {
      MemorySegment fromA = a.asSlice(4L * done, 4 * STRIP);
      MemorySegment fromB = b.asSlice(4L * done, 4 * STRIP);
      MemorySegment fromC = c.asSlice(4L * done, 4 * STRIP);
      MemorySegment to = target.asSlice(4L * done, 4 * STRIP);
      for (int i = 0; i < STRIP; i += Lanes.COUNT) {
        FloatVector sum =
            Lanes.floats(fromA, 4 * i)
                .mul(weightA)
                .add(Lanes.floats(fromB, 4 * i).mul(weightB))
                .add(Lanes.floats(fromC, 4 * i).mul(weightC));
        sum.intoMemorySegment(to, 4 * i, Lanes.ORDER);
        greatest = greatest.max(sum.reinterpretAsInts().and(MAGNITUDE));
      }
    }
    return greatest.reduceLanes(VectorOperators.MAX);
  }
}
