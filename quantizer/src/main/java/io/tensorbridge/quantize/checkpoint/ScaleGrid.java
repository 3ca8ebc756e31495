package io.tensorbridge.quantize.checkpoint;

import io.tensorbridge.Shape;
import io.tensorbridge.file.TensorEntry;

/**
 * How many rows and columns share a scale, as the shapes of weight and scales tell it.
 *
 * @param groups scales of a row
 * @param groupColumns columns that share one
 * @param blockRows rows that share them
 */
record ScaleGrid(int groups, int groupColumns, long blockRows) {
  /** The block that DeepSeek and compressed-tensors use: the last ones may be smaller. */
  private static final int USUAL_BLOCK = 128;

  /**
   * The grid of scales of a matrix: one for all, for each row, for groups of a row, or for blocks.
   *
   * @throws io.tensorbridge.FormatException if the shapes don't match
   */
  static ScaleGrid of(String tensor, TensorEntry scales, long rows, long columns) {
    Shape shape = scales.shape();
    long count = shape.elementCount();
    if (columns > Integer.MAX_VALUE || columns < 1 || rows < 1) {
      throw CheckpointEntries.mismatch(tensor, scales, "scales of a matrix");
    }
    if (count == 1) {
      return new ScaleGrid(1, (int) columns, rows);
    }
    boolean matrix = shape.rank() == 2;
    if (count == rows && (!matrix || shape.dimension(0) == rows)) {
      return new ScaleGrid(1, (int) columns, 1);
    }
    if (matrix && count > 0) {
      long down = shape.dimension(0);
      long across = shape.dimension(1);
      if (down == rows && columns % across == 0) {
        return new ScaleGrid((int) across, (int) (columns / across), 1);
      }
      if (down == Math.ceilDiv(rows, (long) USUAL_BLOCK)
          && across == Math.ceilDiv(columns, (long) USUAL_BLOCK)) {
        return new ScaleGrid((int) across, USUAL_BLOCK, USUAL_BLOCK);
      }
      if (rows % down == 0 && columns % across == 0) {
        return new ScaleGrid((int) across, (int) (columns / across), rows / down);
      }
    }
    throw CheckpointEntries.mismatch(
        tensor, scales, "scales of " + rows + " rows of " + columns + " columns");
  }

  /** As an encoding tells it. */
  String text(long rows, long columns) {
    if (blockRows > 1) {
      return groups == 1 && blockRows >= rows ? "tensor" : blockRows + "x" + groupColumns;
    }
    return groups == 1 && groupColumns == columns ? "row" : Integer.toString(groupColumns);
  }
}
