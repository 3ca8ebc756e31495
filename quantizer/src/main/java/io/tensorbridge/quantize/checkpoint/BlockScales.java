package io.tensorbridge.quantize.checkpoint;

/**
 * Parameters in C order, a row of groups for each block of output channels.
 *
 * @param groups of a row
 * @param blockRows how many output channels share a row of parameters
 * @param scales {@code (blocks of rows, groups)}
 * @param zeros the same for zero points
 */
record BlockScales(int groups, long blockRows, ScaleValues scales,
    ScaleValues zeros) implements RowScales {
  @Override
  public void read(long row, float[] scale, float[] zero) {
    long first = row / blockRows * groups;
    for (int group = 0; group < groups; group++) {
      scale[group] = scales.at(first + group);
      zero[group] = zeros.at(first + group);
    }
  }
}
