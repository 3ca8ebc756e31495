package io.tensorbridge.quantize;

import io.tensorbridge.Shape;

/**
 * Rows in the order of their timesteps, cut into groups of nearly equal numbers of rows: where they
 * don't divide, the first groups have one row more ({@code numpy.array_split}).
 *
 * @param rows rows
 * @param columns elements in a row
 * @param groups at most as many as rows
 */
record TimeGroups(long rows, long columns, long groups) implements ElementGroups {
  static TimeGroups of(int groups, Shape shape) {
    if (shape.elementCount() == 0) {
      return new TimeGroups(0, 0, 0);
    }
    Shape matrix = shape.flattenedToMatrix();
    long rows = matrix.dimension(0);
    return new TimeGroups(rows, matrix.dimension(1), Math.min(groups, rows));
  }

  @Override
  public long elements() {
    return rows * columns;
  }

  @Override
  public long longestGroup() {
    return groups == 0 ? 1 : Math.ceilDiv(rows, groups) * columns;
  }

  @Override
  public long groupStart(long group) {
    return (group * shortRows() + Math.min(group, longGroups())) * columns;
  }

  @Override
  public long groupEnd(long group) {
    return groupStart(group + 1);
  }

  @Override
  public long groupAt(long element) {
    long row = element / columns;
    long longRows = longGroups() * (shortRows() + 1);
    return row < longRows
        ? row / (shortRows() + 1)
        : longGroups() + (row - longRows) / shortRows();
  }

  private long shortRows() {
    return rows / groups;
  }

  /** How many groups have one row more. */
  private long longGroups() {
    return rows % groups;
  }
}
