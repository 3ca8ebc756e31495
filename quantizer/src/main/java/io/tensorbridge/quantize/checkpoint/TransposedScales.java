package io.tensorbridge.quantize.checkpoint;

/**
 * Parameters in the order of GPTQ and AWQ: all output channels of one group after another.
 *
 * @param groups of a row
 * @param rows output channels
 * @param scales {@code (groups, rows)}
 * @param zeros of a group and an output channel
 */
record TransposedScales(int groups, long rows, ScaleValues scales,
    ZeroPoints zeros) implements RowScales {
  /** Finds the zero point of a group and an output channel. */
  @FunctionalInterface
  interface ZeroPoints {
    float of(int group, long row);
  }

  @Override
  public void read(long row, float[] scale, float[] zero) {
    for (int group = 0; group < groups; group++) {
      scale[group] = scales.at(group * rows + row);
      zero[group] = zeros.of(group, row);
    }
  }
}
