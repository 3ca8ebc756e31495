package io.tensorbridge.quantize.internal.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * Turns as many rows as a vector has lanes into columns, so that every lane goes through its own
 * row: a butterfly in whose stage {@code s} row {@code r} and row {@code r + s} exchange the lanes
 * that differ in the bit {@code s}.
 */
final class Butterfly {
  private static final int LANES = Lanes.COUNT;
  private static final int[] STAGES = stages();
  private static final VectorShuffle<Float>[] CROSSINGS = crossings();
  private static final VectorMask<Float>[] UPPER = upper();

  private Butterfly() {}

  /**
   * Transposes rows of a whole number of vectors each.
   *
   * @param rows as many as there are lanes, one after the other; overwritten
   * @param rowLength elements of a row
   * @param lanes a multiple of the lanes of a vector
   * @param columns receives element {@code i} of all rows at {@code start + i * stride}
   * @param start where to begin there
   * @param stride at least {@code lanes}
   */
  static void run(
      float[] rows, int rowLength, int lanes, float[] columns, int start, int stride) {
    for (int lane = 0; lane < lanes; lane += LANES) {
      transpose(rows, lane * rowLength, rowLength, columns, start + lane, stride);
    }
  }

  private static void transpose(
      float[] rows, int first, int rowLength, float[] columns, int lane, int stride) {
    int last = STAGES.length - 1;
    for (int stage = 0; stage < last; stage++) {
      for (int at = first; at < first + rowLength; at += LANES) {
        exchange(rows, at, rowLength, rows, at, rowLength, stage);
      }
    }
    for (int at = 0; at < rowLength; at += LANES) {
      exchange(rows, first + at, rowLength, columns, lane + at * stride, stride, last);
    }
  }

  /** One stage of a square. */
  private static void exchange(
      float[] from, int fromStart, int fromStride, float[] to, int toStart, int toStride,
      int stage) {
    int distance = STAGES[stage];
    VectorShuffle<Float> crossing = CROSSINGS[stage];
    VectorMask<Float> upper = UPPER[stage];
    for (int pair = 0; pair < LANES / 2; pair++) {
      int row = (pair & -distance) + pair;
      int other = row + distance;
      FloatVector a =
          FloatVector.fromArray(Lanes.FLOATS, from, fromStart + row * fromStride);
      FloatVector b =
          FloatVector.fromArray(Lanes.FLOATS, from, fromStart + other * fromStride);
      FloatVector first = a.blend(b.rearrange(crossing), upper);
      FloatVector second = a.rearrange(crossing).blend(b, upper);
      first.intoArray(to, toStart + row * toStride);
      second.intoArray(to, toStart + other * toStride);
    }
  }

  private static int[] stages() {
    int[] stages = new int[Integer.numberOfTrailingZeros(LANES)];
    for (int stage = 0; stage < stages.length; stage++) {
      stages[stage] = 1 << stage;
    }
    return stages;
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static VectorShuffle<Float>[] crossings() {
    VectorShuffle<Float>[] crossings = new VectorShuffle[STAGES.length];
    for (int stage = 0; stage < crossings.length; stage++) {
      int distance = STAGES[stage];
      crossings[stage] = VectorShuffle.fromOp(Lanes.FLOATS, lane -> lane ^ distance);
    }
    return crossings;
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static VectorMask<Float>[] upper() {
    VectorMask<Float>[] masks = new VectorMask[STAGES.length];
    for (int stage = 0; stage < masks.length; stage++) {
      boolean[] bits = new boolean[LANES];
      for (int lane = 0; lane < LANES; lane++) {
        bits[lane] = (lane & STAGES[stage]) != 0;
      }
      masks[stage] = VectorMask.fromArray(Lanes.FLOATS, bits, 0);
    }
    return masks;
  }
}
