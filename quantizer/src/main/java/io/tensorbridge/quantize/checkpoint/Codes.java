package io.tensorbridge.quantize.checkpoint;

/** The codes of a matrix as they are stored, as numbers; thread-safe. */
interface Codes {
  /**
   * Reads a run of codes of a row.
   *
   * @param row the output channel
   * @param first the first column
   * @param codes receives as many as it holds
   */
  void read(long row, int first, float[] codes);
}
