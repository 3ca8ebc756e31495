package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** As many groups as a vector has lanes, each in its own lane, so that nothing is summed across. */
final class HqqLanes {
  private static final int LANES = Lanes.COUNT;
  private static final int PARTIAL_SUMS = HqqKernel.PARTIAL_SUMS * LANES;
  private static final boolean HAS_LOOK_UPS = 2 * LANES == HqqRule.INTERVALS;

  private final int groupElements;
  private final int highest;
  private final float[] rows;
  private final float[] columns;

  /** Zeros in the beginning, then the sums of magnitudes of errors so far, {@link #add}. */
  private final float[] errors;

  /** The same for zero points. */
  private final float[] sums;

  private final float[] codes;

  /** Errors with their signs, then what is left of them. */
  private final float[] distances;
  private final LanePhase[] shrinking = {this::findErrors, this::shrink, this::sumShrunken};
  private final float[] factors = new float[LANES];
  private final int[] intervals = new int[LANES];

  /** The zero points of the groups. */
  final float[] zeroPoints = new float[LANES];

  /** Whether errors were so large that not all shrink to nothing: then it's likely in the next pass. */
  private boolean isShrinking;

  HqqLanes(int groupElements, int maxCode) {
    this.groupElements = groupElements;
    this.highest = HqqRule.ROUNDING_BITS + maxCode;
    this.rows = new float[groupElements * LANES];
    this.columns = new float[groupElements * LANES];
    this.errors = new float[PARTIAL_SUMS + columns.length];
    this.sums = new float[PARTIAL_SUMS + columns.length];
    this.codes = new float[groupElements * LANES];
    this.distances = new float[groupElements * LANES];
  }

  /** Takes some groups; lanes beyond them do what does no harm. */
  void load(MemorySegment source, long sourceOffset, HqqGroups groups, int firstGroup, int used) {
    Strip.load(source, sourceOffset, rows, used * groupElements);
    Arrays.fill(rows, used * groupElements, rows.length, 0);
    Arrays.fill(factors, 1);
    Arrays.fill(zeroPoints, 0);
    Butterfly.run(rows, groupElements, LANES, columns, 0, LANES);
    groups.load(firstGroup, used, factors, zeroPoints);
    isShrinking = false;
  }

  /** A pass. */
  void improve() {
    if (isShrinking || !improveUnshrunken()) {
      for (LanePhase phase : shrinking) {
        phase.run(0);
      }
      isShrinking = true;
    }
    end();
  }

  /** Adds the errors that the last pass found, in the order of groups. */
  double addErrors(double sum, int used) {
    double sums = sum;
    for (int i = 0; i < used; i++) {
      sums += errors[columns.length + i];
    }
    return sums;
  }

  /** Assumes that all errors shrink to nothing; returns false if not. */
  private boolean improveUnshrunken() {
    FloatVector factor = FloatVector.fromArray(Lanes.FLOATS, factors, 0);
    FloatVector inverse = FloatVector.broadcast(Lanes.FLOATS, 1f).div(factor);
    FloatVector zeroPoint = FloatVector.fromArray(Lanes.FLOATS, zeroPoints, 0);
    IntVector greatest = IntVector.zero(Lanes.INTS);
    for (int at = 0; at < columns.length; at += LANES) {
      FloatVector value = FloatVector.fromArray(Lanes.FLOATS, columns, at);
      FloatVector scaled = value.mul(factor);
      FloatVector code = code(scaled, zeroPoint);
      IntVector error =
          value.sub(code.sub(zeroPoint).mul(inverse)).reinterpretAsInts().and(0x7fffffff);
      greatest = greatest.max(error);
      add(error.reinterpretAsFloats(), errors, at);
      add(code.sub(scaled), sums, at);
    }
    return !greatest.compare(VectorOperators.GE, HqqRule.SHRUNKEN_BITS).anyTrue();
  }

  /** Adds to a partial sum; all sums on the way are kept, so that a loop has no inner one. */
  private static void add(FloatVector summand, float[] sums, int at) {
    FloatVector.fromArray(Lanes.FLOATS, sums, at)
        .add(summand)
        .intoArray(sums, at + PARTIAL_SUMS);
  }

  /** Codes and errors, and the sums of these. */
  private void findErrors(int unused) {
    FloatVector factor = FloatVector.fromArray(Lanes.FLOATS, factors, 0);
    FloatVector inverse = FloatVector.broadcast(Lanes.FLOATS, 1f).div(factor);
    FloatVector zeroPoint = FloatVector.fromArray(Lanes.FLOATS, zeroPoints, 0);
    for (int at = 0; at < columns.length; at += LANES) {
      FloatVector value = FloatVector.fromArray(Lanes.FLOATS, columns, at);
      FloatVector code = code(value.mul(factor), zeroPoint);
      FloatVector error = value.sub(code.sub(zeroPoint).mul(inverse));
      code.intoArray(codes, at);
      error.intoArray(distances, at);
      add(error.reinterpretAsInts().and(0x7fffffff).reinterpretAsFloats(), errors, at);
    }
  }

  /** Shrinks all errors. */
  private void shrink(int unused) {
    for (int at = 0; at < distances.length; at += LANES) {
      IntVector bits = FloatVector.fromArray(Lanes.FLOATS, distances, at).reinterpretAsInts();
      kept(bits.and(0x7fffffff))
          .or(bits.and(0x80000000))
          .reinterpretAsFloats()
          .intoArray(distances, at);
    }
  }

  /** Sums of what zero points would make up for the errors, but for what is left of these. */
  private void sumShrunken(int unused) {
    FloatVector factor = FloatVector.fromArray(Lanes.FLOATS, factors, 0);
    for (int at = 0; at < columns.length; at += LANES) {
      FloatVector value = FloatVector.fromArray(Lanes.FLOATS, columns, at);
      FloatVector kept = FloatVector.fromArray(Lanes.FLOATS, distances, at);
      FloatVector code = FloatVector.fromArray(Lanes.FLOATS, codes, at);
      add(code.sub(value.sub(kept).mul(factor)), sums, at);
    }
  }

  private FloatVector code(FloatVector scaled, FloatVector zeroPoint) {
    return scaled
        .add(zeroPoint)
        .add(HqqRule.ROUNDING)
        .reinterpretAsInts()
        .max(HqqRule.ROUNDING_BITS)
        .min(highest)
        .reinterpretAsFloats()
        .sub(HqqRule.ROUNDING);
  }

  /** What is left of magnitudes, as {@link HqqRule#shrink} has it. */
  private IntVector kept(IntVector magnitude) {
    IntVector base = magnitude.max(HqqRule.LEAST_BITS).min(HqqRule.GREATEST_BITS);
    IntVector interval = base.lanewise(VectorOperators.LSHR, HqqRule.INTERVAL_SHIFT);
    FloatVector t = base.reinterpretAsFloats().mul(at(interval, HqqRule.OF_MIDDLES)).sub(1);
    FloatVector power =
        t.mul(HqqRule.POWER_4)
            .add(HqqRule.POWER_3)
            .mul(t)
            .add(HqqRule.POWER_2)
            .mul(t)
            .add(HqqRule.POWER_1)
            .mul(t)
            .add(HqqRule.POWER_0);
    FloatVector less =
        magnitude.reinterpretAsFloats().sub(power.mul(at(interval, HqqRule.POWERS)));
    return less.reinterpretAsInts().max(0);
  }

  /** What a table holds for intervals modulo their number. */
  private FloatVector at(IntVector interval, float[] table) {
    if (HAS_LOOK_UPS) {
      IntVector low = FloatVector.fromArray(Lanes.FLOATS, table, 0).reinterpretAsInts();
      IntVector high = FloatVector.fromArray(Lanes.FLOATS, table, LANES).reinterpretAsInts();
      return interval.selectFrom(low, high).reinterpretAsFloats();
    }
    interval.and(HqqRule.INTERVALS - 1).intoArray(intervals, 0);
    return FloatVector.fromArray(Lanes.FLOATS, table, 0, intervals, 0);
  }

  /** Takes better zero points, but for those that overflowed on the way. */
  private void end() {
    fold(errors);
    fold(sums);
    FloatVector zeroPoint = FloatVector.fromArray(Lanes.FLOATS, zeroPoints, 0);
    FloatVector better =
        FloatVector.fromArray(Lanes.FLOATS, sums, columns.length).div(groupElements);
    zeroPoint
        .blend(better, better.test(VectorOperators.IS_FINITE))
        .intoArray(zeroPoints, 0);
  }

  /** As {@link HqqRule#fold}, for each lane; the partial sums are the last of the array. */
  private static void fold(float[] sums) {
    int first = sums.length - PARTIAL_SUMS;
    for (int half = PARTIAL_SUMS / 2; half >= LANES; half >>= 1) {
      for (int i = first; i < first + half; i += LANES) {
        FloatVector.fromArray(Lanes.FLOATS, sums, i)
            .add(FloatVector.fromArray(Lanes.FLOATS, sums, i + half))
            .intoArray(sums, i);
      }
    }
  }
}
