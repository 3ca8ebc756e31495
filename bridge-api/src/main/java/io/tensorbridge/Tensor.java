package io.tensorbridge;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A tensor: a {@link TensorLayout} over a {@link MemorySegment}; immutable, thread-safe.
 *
 * <p>It owns nothing: the memory belongs to a {@link Region}, a file or an arena, which must live as
 * long as the tensor is used. Every element lies within the segment: the constructor checks it.
 */
public final class Tensor {
  private final MemorySegment segment;
  private final TensorLayout layout;
  private final Backing backing;

  private Tensor(MemorySegment segment, TensorLayout layout, Backing backing) {
    layout.requireWithin(segment.byteSize());
    this.segment = segment;
    this.layout = layout;
    this.backing = backing;
  }

  /**
   * A tensor over a segment.
   *
   * @param segment the memory, any alignment
   * @param layout where the elements lie in it
   * @param backing what stands behind the memory
   * @return the tensor
   * @throws ProtocolException if an element lies outside the segment
   */
  public static Tensor of(MemorySegment segment, TensorLayout layout, Backing backing) {
    return new Tensor(segment, layout, backing);
  }

  /**
   * A row-major tensor at the start of private memory.
   *
   * @param segment memory of this process
   * @param dtype the element encoding
   * @param shape the extents
   * @return the tensor
   * @throws ProtocolException if the segment is too small
   */
  public static Tensor of(MemorySegment segment, DType dtype, Shape shape) {
    return new Tensor(
        segment, TensorLayout.rowMajor(new TensorType(dtype, shape)), Backing.PRIVATE);
  }

  /**
   * The memory in which the elements lie.
   *
   * @return the segment given at construction
   */
  public MemorySegment segment() {
    return segment;
  }

  /**
   * Where the elements lie.
   *
   * @return the layout
   */
  public TensorLayout layout() {
    return layout;
  }

  /**
   * What stands behind the memory.
   *
   * @return the backing
   */
  public Backing backing() {
    return backing;
  }

  /**
   * Dtype and shape.
   *
   * @return the type
   */
  public TensorType type() {
    return layout.type();
  }

  /**
   * The element encoding.
   *
   * @return the dtype
   */
  public DType dtype() {
    return layout.dtype();
  }

  /**
   * The extents.
   *
   * @return the shape
   */
  public Shape shape() {
    return layout.shape();
  }

  /**
   * The size of the elements without gaps.
   *
   * @return bytes
   */
  public long byteLength() {
    return layout.type().byteLength();
  }

  /**
   * Whether the bytes are one run in C order.
   *
   * @return true if {@link #data()} works
   */
  public boolean isRowMajor() {
    return layout.isRowMajor();
  }

  /**
   * The bytes of a row-major tensor.
   *
   * @return a slice of the segment of exactly {@link #byteLength()} bytes
   * @throws TensorException if the tensor has gaps or another order; copy it first
   */
  public MemorySegment data() {
    if (!layout.isRowMajor()) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE, layout + " is not row-major; copy it to a row-major tensor first");
    }
    return segment.asSlice(layout.byteOffset(), byteLength());
  }

  /**
   * One element as a number.
   *
   * @param index one position for each dimension
   * @return the value; of complex elements the real part, of bool 0 or 1
   * @throws IndexOutOfBoundsException if the index is outside the shape
   */
  public double getDouble(long... index) {
    long at = layout.byteOffsetOf(index);
    return switch (dtype()) {
      case BOOL, U8 -> Byte.toUnsignedInt(segment.get(ValueLayout.JAVA_BYTE, at));
      case I8 -> segment.get(ValueLayout.JAVA_BYTE, at);
      case I16 -> segment.get(ValueLayout.JAVA_SHORT_UNALIGNED, at);
      case U16 -> Short.toUnsignedInt(segment.get(ValueLayout.JAVA_SHORT_UNALIGNED, at));
      case I32 -> segment.get(ValueLayout.JAVA_INT_UNALIGNED, at);
      case U32 -> Integer.toUnsignedLong(segment.get(ValueLayout.JAVA_INT_UNALIGNED, at));
      case I64 -> segment.get(ValueLayout.JAVA_LONG_UNALIGNED, at);
      case U64 -> unsignedToDouble(segment.get(ValueLayout.JAVA_LONG_UNALIGNED, at));
      case F16 -> Float.float16ToFloat(segment.get(ValueLayout.JAVA_SHORT_UNALIGNED, at));
      case BF16 ->
          Float.intBitsToFloat(segment.get(ValueLayout.JAVA_SHORT_UNALIGNED, at) << 16);
      case F32, C64 -> segment.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at);
      case F64, C128 -> segment.get(ValueLayout.JAVA_DOUBLE_UNALIGNED, at);
      case F8_E4M3 -> Float8.e4m3ToFloat(segment.get(ValueLayout.JAVA_BYTE, at));
      case F8_E5M2 -> Float8.e5m2ToFloat(segment.get(ValueLayout.JAVA_BYTE, at));
    };
  }

  private static double unsignedToDouble(long value) {
    double half = (double) (value >>> 1 | (value & 1));
    return value >= 0 ? (double) value : half * 2;
  }

  /**
   * The same elements, dimensions in another order; nothing is copied.
   *
   * @param order a permutation of {@code 0 .. rank-1}
   * @return a view
   */
  public Tensor permute(int... order) {
    int rank = shape().rank();
    if (order.length != rank) {
      throw new IndexOutOfBoundsException(order.length + " axes for the shape " + shape());
    }
    long[] dimensions = new long[rank];
    long[] strides = new long[rank];
    boolean[] seen = new boolean[rank];
    for (int i = 0; i < rank; i++) {
      if (seen[order[i]]) {
        throw new IndexOutOfBoundsException("axis " + order[i] + " is given twice");
      }
      seen[order[i]] = true;
      dimensions[i] = shape().dimension(order[i]);
      strides[i] = layout.byteStride(order[i]);
    }
    TensorType type = new TensorType(dtype(), Shape.of(dimensions));
    return of(segment, TensorLayout.strided(type, layout.byteOffset(), strides), backing);
  }

  /**
   * A part along one dimension; nothing is copied.
   *
   * @param dimension the dimension to narrow
   * @param from first position, inclusive
   * @param to last position, exclusive
   * @return a view
   */
  public Tensor narrow(int dimension, long from, long to) {
    if (from < 0 || to < from || to > shape().dimension(dimension)) {
      throw new IndexOutOfBoundsException(
          "[" + from + ", " + to + ") is outside dimension " + dimension + " of " + shape());
    }
    long[] dimensions = shape().dimensions();
    dimensions[dimension] = to - from;
    TensorType type = new TensorType(dtype(), Shape.of(dimensions));
    long offset = to == from ? 0 : from * layout.byteStride(dimension);
    return of(
        segment,
        TensorLayout.strided(type, layout.byteOffset() + offset, layout.byteStrides()),
        backing);
  }

  /**
   * The same bytes under another shape; nothing is copied.
   *
   * @param newShape a shape of as many elements
   * @return a view
   * @throws TensorException if the counts differ or the tensor is not row-major
   */
  public Tensor reshape(Shape newShape) {
    if (newShape.elementCount() != shape().elementCount() || !isRowMajor()) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE, layout + " can't be seen as " + newShape + " without a copy");
    }
    TensorType type = new TensorType(dtype(), newShape);
    return of(segment, TensorLayout.rowMajor(type).at(layout.byteOffset()), backing);
  }

  @Override
  public String toString() {
    return "tensor " + layout;
  }
}
