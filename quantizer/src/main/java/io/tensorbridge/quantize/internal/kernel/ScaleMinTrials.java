package io.tensorbridge.quantize.internal.kernel;

/**
 * The scales that a search tries: {@code (first + step * trial + maxCode) / range}, codes per value.
 * The names of ggml for these are {@code rmin}, {@code rdelta}, {@code nmax}, and {@code nstep} for
 * one less than the count.
 */
enum ScaleMinTrials {
  /** Of {@code quantize_row_q4_K_ref}. */
  Q4_K(15, -1f, 0.1f, 21),
  /** Of {@code quantize_row_q4_K_impl}. */
  Q4_K_WEIGHTED(15, -0.9f, 0.05f, 37),
  /** Of {@code quantize_row_q5_K_ref}. */
  Q5_K(31, -0.5f, 0.1f, 16),
  /** Of {@code quantize_row_q5_K_impl}. */
  Q5_K_WEIGHTED(31, -0.9f, 0.05f, 37);

  private final int maxCode;
  private final float first;
  private final float step;
  private final int count;

  ScaleMinTrials(int maxCode, float first, float step, int count) {
    this.maxCode = maxCode;
    this.first = first;
    this.step = step;
    this.count = count;
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
}
