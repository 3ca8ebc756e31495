package io.tensorbridge;

import java.util.Arrays;

/**
 * Where each element of a tensor lies in a segment: type, byte offset of element {@code (0, ...)},
 * and byte strides; immutable.
 *
 * <p>The address of an element is {@code byteOffset + sum(index[i] * byteStride[i])}. Strides may be
 * negative or zero (a reversed or broadcast view). {@link #requireWithin(long)} checks in exact
 * arithmetic that no element lies outside a segment.
 */
public final class TensorLayout {
  private final TensorType type;
  private final long byteOffset;
  private final long[] byteStrides;
  private final boolean rowMajor;

  private TensorLayout(TensorType type, long byteOffset, long[] byteStrides) {
    this.type = type;
    this.byteOffset = byteOffset;
    this.byteStrides = byteStrides;
    this.rowMajor = isRowMajor(type, byteStrides);
  }

  /**
   * A layout without gaps, the last dimension fastest (C order).
   *
   * @param type dtype and shape
   * @return the layout at offset 0
   */
  public static TensorLayout rowMajor(TensorType type) {
    return new TensorLayout(type, 0, rowMajorStrides(type));
  }

  /**
   * A layout without gaps, the first dimension fastest (Fortran order).
   *
   * @param type dtype and shape
   * @return the layout at offset 0
   */
  public static TensorLayout columnMajor(TensorType type) {
    long[] strides = new long[type.shape().rank()];
    long stride = type.dtype().byteSize();
    for (int i = 0; i < strides.length; i++) {
      strides[i] = stride;
      stride *= Math.max(1, type.shape().dimension(i));
    }
    return new TensorLayout(type, 0, strides);
  }

  /**
   * A layout with any strides.
   *
   * @param type dtype and shape
   * @param byteOffset offset of element {@code (0, ...)} in the segment
   * @param byteStrides bytes between neighbours along each dimension
   * @return the layout
   * @throws ProtocolException if there is not one stride for each dimension
   */
  public static TensorLayout strided(TensorType type, long byteOffset, long... byteStrides) {
    if (byteStrides.length != type.shape().rank()) {
      throw new ProtocolException(
          ErrorCode.BAD_RANK,
          byteStrides.length + " strides given for the " + type.shape().rank() + " dimensions of "
              + type);
    }
    return new TensorLayout(type, byteOffset, byteStrides.clone());
  }

  /**
   * This layout moved to another offset.
   *
   * @param newByteOffset offset of element {@code (0, ...)}
   * @return the moved layout
   */
  public TensorLayout at(long newByteOffset) {
    return new TensorLayout(type, newByteOffset, byteStrides);
  }

  /**
   * Dtype and shape.
   *
   * @return the type
   */
  public TensorType type() {
    return type;
  }

  /**
   * The element encoding.
   *
   * @return the dtype
   */
  public DType dtype() {
    return type.dtype();
  }

  /**
   * The extents.
   *
   * @return the shape
   */
  public Shape shape() {
    return type.shape();
  }

  /**
   * The offset of element {@code (0, ...)}.
   *
   * @return bytes from the start of the segment
   */
  public long byteOffset() {
    return byteOffset;
  }

  /**
   * The distance of neighbours along a dimension.
   *
   * @param dimension 0 for the outermost
   * @return bytes, possibly negative or 0
   */
  public long byteStride(int dimension) {
    return byteStrides[dimension];
  }

  /**
   * All strides.
   *
   * @return a fresh array of bytes between neighbours
   */
  public long[] byteStrides() {
    return byteStrides.clone();
  }

  /**
   * Whether the elements lie without gaps in C order, so that the bytes are one run.
   *
   * @return true also for empty tensors and scalars
   */
  public boolean isRowMajor() {
    return rowMajor;
  }

  /**
   * The offset of one element.
   *
   * @param index one position for each dimension
   * @return bytes from the start of the segment
   * @throws IndexOutOfBoundsException if the index is outside the shape
   */
  public long byteOffsetOf(long... index) {
    if (index.length != byteStrides.length) {
      throw new IndexOutOfBoundsException(
          "index " + Arrays.toString(index) + " has not the rank of " + shape());
    }
    long offset = byteOffset;
    for (int i = 0; i < index.length; i++) {
      if (index[i] < 0 || index[i] >= shape().dimension(i)) {
        throw new IndexOutOfBoundsException(
            "index " + Arrays.toString(index) + " is outside " + shape());
      }
      offset += index[i] * byteStrides[i];
    }
    return offset;
  }

  /**
   * Checks that every element lies within a segment.
   *
   * @param segmentByteSize size of the segment
   * @throws ProtocolException {@link ErrorCode#OFFSET_OVERFLOW} if an element would begin before
   *     the segment or end behind it, or if an offset overflows
   */
  public void requireWithin(long segmentByteSize) {
    if (byteOffset < 0 || byteOffset > segmentByteSize) {
      throw outside(segmentByteSize);
    }
    if (shape().elementCount() == 0) {
      return;
    }
    try {
      long lowest = byteOffset;
      long highest = byteOffset;
      for (int i = 0; i < byteStrides.length; i++) {
        long reach = Math.multiplyExact(shape().dimension(i) - 1, byteStrides[i]);
        if (reach < 0) {
          lowest = Math.addExact(lowest, reach);
        } else {
          highest = Math.addExact(highest, reach);
        }
      }
      highest = Math.addExact(highest, dtype().byteSize());
      if (lowest < 0 || highest > segmentByteSize) {
        throw outside(segmentByteSize);
      }
    } catch (ArithmeticException overflow) {
      throw outside(segmentByteSize);
    }
  }

  private ProtocolException outside(long segmentByteSize) {
    return new ProtocolException(
        ErrorCode.OFFSET_OVERFLOW, this + " does not lie within " + segmentByteSize + " bytes");
  }

  private static long[] rowMajorStrides(TensorType type) {
    long[] strides = new long[type.shape().rank()];
    long stride = type.dtype().byteSize();
    for (int i = strides.length - 1; i >= 0; i--) {
      strides[i] = stride;
      stride *= Math.max(1, type.shape().dimension(i));
    }
    return strides;
  }

  private static boolean isRowMajor(TensorType type, long[] byteStrides) {
    if (type.shape().elementCount() == 0) {
      return true;
    }
    long expected = type.dtype().byteSize();
    for (int i = byteStrides.length - 1; i >= 0; i--) {
      long dimension = type.shape().dimension(i);
      if (dimension != 1) {
        if (byteStrides[i] != expected) {
          return false;
        }
        expected *= dimension;
      }
    }
    return true;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TensorLayout layout
        && type.equals(layout.type)
        && byteOffset == layout.byteOffset
        && Arrays.equals(byteStrides, layout.byteStrides);
  }

  @Override
  public int hashCode() {
    return 31 * (31 * type.hashCode() + Long.hashCode(byteOffset)) + Arrays.hashCode(byteStrides);
  }

  @Override
  public String toString() {
    return type + " at byte " + byteOffset
        + (rowMajor ? "" : " with byte strides " + Arrays.toString(byteStrides));
  }
}
