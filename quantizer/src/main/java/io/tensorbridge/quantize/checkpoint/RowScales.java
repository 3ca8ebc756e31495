package io.tensorbridge.quantize.checkpoint;

/** Scales and zero points of a matrix of groups; thread-safe. */
interface RowScales {
  /** How many groups a row has. */
  int groups();

  /**
   * Reads the parameters of a row.
   *
   * @param row the output channel
   * @param scales receives one for each group
   * @param zeros receives one for each group, on the side of the codes
   */
  void read(long row, float[] scales, float[] zeros);
}
