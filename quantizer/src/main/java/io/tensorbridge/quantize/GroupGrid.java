package io.tensorbridge.quantize;

import io.tensorbridge.Shape;

/**
 * How the elements of a tensor fall into groups that share a scale: rows of {@code columns}
 * elements, each cut into groups of {@code groupElements}, the last of a row maybe shorter.
 *
 * @param rows rows; 1 if the whole tensor is one group
 * @param columns elements in a row
 * @param groupElements elements in a full group
 * @param parameterShape the shape of one value per group
 */
record GroupGrid(long rows, long columns, long groupElements,
    Shape parameterShape) implements ElementGroups {
  static GroupGrid of(UniformScheme.Group group, Shape shape) {
    if (shape.elementCount() == 0) {
      return new GroupGrid(0, 0, 1, Shape.of(0));
    }
    Shape matrix = shape.flattenedToMatrix();
    long rows = matrix.dimension(0);
    long columns = matrix.dimension(1);
    return switch (group) {
      case TENSOR ->
          new GroupGrid(1, shape.elementCount(), shape.elementCount(), Shape.of(1));
      case ROW -> new GroupGrid(rows, columns, columns, Shape.of(rows));
      case OF_32 -> ofLength(32, rows, columns);
      case OF_64 -> ofLength(64, rows, columns);
      case OF_128 -> ofLength(128, rows, columns);
      case OF_256 -> ofLength(256, rows, columns);
    };
  }

  /** A group for each row. */
  static GroupGrid ofRows(Shape shape) {
    return of(UniformScheme.Group.ROW, shape);
  }

  /** Groups of a length within each row. */
  static GroupGrid ofRows(Shape shape, int groupElements) {
    if (shape.elementCount() == 0) {
      return new GroupGrid(0, 0, 1, Shape.of(0));
    }
    Shape matrix = shape.flattenedToMatrix();
    return ofLength(groupElements, matrix.dimension(0), matrix.dimension(1));
  }

  /** Groups of a length over all elements in C order, whatever the rows are. */
  static GroupGrid flat(Shape shape, int groupElements) {
    long elements = shape.elementCount();
    long groups = Math.ceilDiv(elements, (long) groupElements);
    return elements == 0
        ? new GroupGrid(0, 0, groupElements, Shape.of(0))
        : new GroupGrid(1, elements, groupElements, Shape.of(groups));
  }

  private static GroupGrid ofLength(long length, long rows, long columns) {
    long groups = Math.ceilDiv(columns, length);
    return new GroupGrid(rows, columns, length, Shape.of(rows, groups));
  }

  @Override
  public long elements() {
    return rows * columns;
  }

  long groupsPerRow() {
    return Math.ceilDiv(columns, groupElements);
  }

  @Override
  public long groups() {
    return rows * groupsPerRow();
  }

  /** Whether no group is shorter than the others. */
  boolean isEven() {
    return columns % groupElements == 0;
  }

  @Override
  public long longestGroup() {
    return groupElements;
  }

  @Override
  public long groupStart(long group) {
    return group / groupsPerRow() * columns + group % groupsPerRow() * groupElements;
  }

  @Override
  public long groupEnd(long group) {
    long rowEnd = (group / groupsPerRow() + 1) * columns;
    return Math.min(groupStart(group) + groupElements, rowEnd);
  }

  @Override
  public long groupAt(long element) {
    return element / columns * groupsPerRow() + element % columns / groupElements;
  }
}
