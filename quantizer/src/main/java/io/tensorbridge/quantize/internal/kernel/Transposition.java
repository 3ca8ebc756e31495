package io.tensorbridge.quantize.internal.kernel;

/** Turns consecutive sub-blocks into lanes. */
final class Transposition {
  private static final int UNROLLED = 8;

  private Transposition() {}

  /**
   * Transposes {@code lanes} runs of {@code count} values to {@code count} runs of one value from
   * each lane; a multiple of 8 lanes.
   */
  static void toLanes(float[] runs, int count, int lanes, float[] transposed, int offset) {
    for (int lane = 0; lane < lanes; lane += UNROLLED) {
      for (int i = 0; i < count; i++) {
        int from = lane * count + i;
        int to = offset + i * lanes + lane;
        transposed[to] = runs[from];
        transposed[to + 1] = runs[from + count];
        transposed[to + 2] = runs[from + 2 * count];
        transposed[to + 3] = runs[from + 3 * count];
        transposed[to + 4] = runs[from + 4 * count];
        transposed[to + 5] = runs[from + 5 * count];
        transposed[to + 6] = runs[from + 6 * count];
        transposed[to + 7] = runs[from + 7 * count];
      }
    }
  }
}
