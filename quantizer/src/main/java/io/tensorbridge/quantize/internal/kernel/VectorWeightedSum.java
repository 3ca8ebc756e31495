package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** The vector twin of {@link ScalarWeightedSum}. */
@SuppressWarnings("NarrowCalculation") // offsets within a slice are small, and int loops compile better
final class VectorWeightedSum implements WeightedSumKernel {
  /** Elements between bounds checks: a slice of constant length needs none inside. */
  private static final int STRIP = 512;

  private static final int MAGNITUDE = 0x7fffffff;

  private final WeightedSumKernel tail = new ScalarWeightedSum();

  @Override
  public int begin(
      MemorySegment sums,
      long sumsOffset,
      MemorySegment term,
      long termOffset,
      float weight,
      int count) {
    IntVector greatest = IntVector.zero(Lanes.INTS);
    int done = 0;
    for (; done <= count - STRIP; done += STRIP) {
      MemorySegment from = term.asSlice(termOffset + 4L * done, 4 * STRIP);
      MemorySegment to = sums.asSlice(sumsOffset + 4L * done, 4 * STRIP);
      for (int i = 0; i < STRIP; i += Lanes.COUNT) {
        FloatVector sum = Lanes.floats(from, 4 * i).mul(weight);
        sum.intoMemorySegment(to, 4 * i, Lanes.ORDER);
        greatest = greatest.max(sum.reinterpretAsInts().and(MAGNITUDE));
      }
    }
    int magnitude = greatest.reduceLanes(VectorOperators.MAX);
    return done == count
        ? magnitude
        : Math.max(
            magnitude,
            tail.begin(
                sums, sumsOffset + 4L * done, term, termOffset + 4L * done, weight,
                count - done));
  }

  @Override
  public int add(
      MemorySegment sums,
      long sumsOffset,
      MemorySegment term,
      long termOffset,
      float weight,
      int count) {
    IntVector greatest = IntVector.zero(Lanes.INTS);
    int done = 0;
    for (; done <= count - STRIP; done += STRIP) {
      MemorySegment from = term.asSlice(termOffset + 4L * done, 4 * STRIP);
      MemorySegment to = sums.asSlice(sumsOffset + 4L * done, 4 * STRIP);
      for (int i = 0; i < STRIP; i += Lanes.COUNT) {
        FloatVector product = Lanes.floats(from, 4 * i).mul(weight);
        FloatVector sum = Lanes.floats(to, 4 * i).add(product);
        sum.intoMemorySegment(to, 4 * i, Lanes.ORDER);
        greatest = greatest.max(sum.reinterpretAsInts().and(MAGNITUDE));
      }
    }
    int magnitude = greatest.reduceLanes(VectorOperators.MAX);
    return done == count
        ? magnitude
        : Math.max(
            magnitude,
            tail.add(
                sums, sumsOffset + 4L * done, term, termOffset + 4L * done, weight,
                count - done));
  }
}
