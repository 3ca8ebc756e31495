package io.tensorbridge;

import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * The extent of a tensor along each dimension, outermost first; immutable.
 *
 * <p>No dimension is negative and the number of elements fits in a {@code long}: an instance is the
 * proof. A scalar has rank 0 and one element; a tensor with a zero dimension has none.
 */
public final class Shape {
  /** The highest rank that the wire format carries (NumPy's own limit is 64). */
  public static final int MAX_RANK = 64;

  private static final Shape SCALAR = new Shape(new long[0], 1);

  private final long[] dimensions;
  private final long elementCount;

  private Shape(long[] dimensions, long elementCount) {
    this.dimensions = dimensions;
    this.elementCount = elementCount;
  }

  /**
   * A shape with the given extents.
   *
   * @param dimensions elements along each dimension, outermost first; none for a scalar
   * @return the shape
   * @throws ProtocolException if a dimension is negative, the rank is above {@link #MAX_RANK}, or
   *     the element count overflows
   */
  public static Shape of(long... dimensions) {
    if (dimensions.length == 0) {
      return SCALAR;
    }
    if (dimensions.length > MAX_RANK) {
      throw new ProtocolException(
          ErrorCode.BAD_RANK, "rank " + dimensions.length + " is above the limit of " + MAX_RANK);
    }
    long[] copy = dimensions.clone();
    return new Shape(copy, countElements(copy));
  }

  private static long countElements(long[] dimensions) {
    boolean empty = false;
    for (int i = 0; i < dimensions.length; i++) {
      if (dimensions[i] < 0) {
        throw new ProtocolException(
            ErrorCode.NEGATIVE_DIMENSION,
            "dimension " + i + " of " + Arrays.toString(dimensions) + " is negative");
      }
      empty |= dimensions[i] == 0;
    }
    if (empty) {
      return 0;
    }
    long count = 1;
    for (long dimension : dimensions) {
      long high = Math.multiplyHigh(count, dimension);
      count *= dimension;
      if (high != 0 || count < 0) {
        throw new ProtocolException(
            ErrorCode.OFFSET_OVERFLOW,
            "the element count of " + Arrays.toString(dimensions) + " overflows 63 bits");
      }
    }
    return count;
  }

  /**
   * The number of dimensions.
   *
   * @return 0 for a scalar
   */
  public int rank() {
    return dimensions.length;
  }

  /**
   * The extent along one dimension.
   *
   * @param index 0 for the outermost dimension
   * @return elements along it
   */
  public long dimension(int index) {
    return dimensions[index];
  }

  /**
   * All extents.
   *
   * @return a fresh array, outermost first
   */
  public long[] dimensions() {
    return dimensions.clone();
  }

  /**
   * The number of elements.
   *
   * @return the product of all dimensions; 1 for a scalar
   */
  public long elementCount() {
    return elementCount;
  }

  /**
   * The extent of the innermost dimension: the row along which quantization blocks run.
   *
   * @return elements in a row; 1 for a scalar
   */
  public long rowLength() {
    return dimensions.length == 0 ? 1 : dimensions[dimensions.length - 1];
  }

  /**
   * This shape seen as a matrix: the first dimension, and all others flattened into one.
   *
   * <p>This is how a convolution weight {@code (out, in, kh, kw)} is quantized.
   *
   * @return {@code (d0, d1*d2*...)}; {@code (1, n)} for rank 0 and 1
   */
  public Shape flattenedToMatrix() {
    if (dimensions.length < 2) {
      return of(1, elementCount);
    }
    if (dimensions.length == 2) {
      return this;
    }
    long columns = 1;
    for (int i = 1; i < dimensions.length; i++) {
      columns *= dimensions[i];
    }
    return of(dimensions[0], columns);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Shape shape && Arrays.equals(dimensions, shape.dimensions);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(dimensions);
  }

  /**
   * The shape as Python writes it.
   *
   * @return for example {@code (1280, 320)}, {@code (5,)} or {@code ()}
   */
  @Override
  public String toString() {
    String inner =
        Arrays.stream(dimensions).mapToObj(Long::toString).collect(Collectors.joining(", "));
    return dimensions.length == 1 ? "(" + inner + ",)" : "(" + inner + ")";
  }
}
