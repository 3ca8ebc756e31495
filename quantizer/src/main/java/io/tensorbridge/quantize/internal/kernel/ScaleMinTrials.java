package io.tensorbridge.quantize.internal.kernel;

/**
 * The scales that a search tries: {@code (first + step * trial + maxCode) / range}, codes per value.
 * The names of ggml for these are {@code rmin}, {@code rdelta}, {@code nmax}, and {@code nstep} for
 * one less than the count.
 */
enum ScaleMinTrials {
  /** Of {@code quantize_row_q2_K_ref}. */
  Q2_K(16, true, 3, -0.5f, 0.1f, 16),
  /** Of {@code quantize_row_q2_K_impl}. */
  Q2_K_WEIGHTED(16, false, 3, -0.9f, 0.05f, 37),
  /** Of {@code quantize_row_q4_K_ref}. */
  Q4_K(32, false, 15, -1f, 0.1f, 21),
  /** Of {@code quantize_row_q4_K_impl}. */
  Q4_K_WEIGHTED(32, false, 15, -0.9f, 0.05f, 37),
  /** Of {@code quantize_row_q5_K_ref}. */
  Q5_K(32, false, 31, -0.5f, 0.1f, 16),
  /** Of {@code quantize_row_q5_K_impl}. */
  Q5_K_WEIGHTED(32, false, 31, -0.9f, 0.05f, 37);

  private final int groupElements;
  private final boolean absolute;
  private final int maxCode;
  private final float first;
  private final float step;
  private final int count;

  ScaleMinTrials(
      int groupElements, boolean absolute, int maxCode, float first, float step, int count) {
    this.groupElements = groupElements;
    this.absolute = absolute;
    this.maxCode = maxCode;
    this.first = first;
    this.step = step;
    this.count = count;
  }

  /** Elements of a sub-block. */
  int groupElements() {
    return groupElements;
  }

  /** Whether errors count by their magnitude, not by their square ({@code use_mad}). */
  boolean absolute() {
    return absolute;
  }

  /** The greatest code. */
  int maxCode() {
    return maxCode;
  }

  int count() {
    return count;
  }

  /** The codes that the range is divided into. */
  float codes(int trial) {
    return first + step * trial + maxCode;
  }

  /** What importances are weighed with besides the square of a value; of one super-block. */
  float variance(float[] values, int from) {
    return this == Q2_K_WEIGHTED
        ? Q2KWeights.variance(values, from)
        : ScaleMinWeights.variance(values, from);
  }
}
