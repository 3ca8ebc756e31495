package io.tensorbridge;

/**
 * What a tensor holds, without where: its dtype and shape.
 *
 * @param dtype the element encoding
 * @param shape the extents
 */
public record TensorType(DType dtype, Shape shape) {
  /** Checks that the size in bytes fits in a {@code long}. */
  public TensorType {
    if (Math.multiplyHigh(shape.elementCount(), dtype.byteSize()) != 0
        || shape.elementCount() * dtype.byteSize() < 0) {
      throw new ProtocolException(
          ErrorCode.OFFSET_OVERFLOW, "the byte size of " + dtype + shape + " overflows 63 bits");
    }
  }

  /**
   * The size of the elements without gaps.
   *
   * @return bytes
   */
  public long byteLength() {
    return shape.elementCount() * dtype.byteSize();
  }

  /**
   * The type as users write it.
   *
   * @return for example {@code float32(1280, 320)}
   */
  @Override
  public String toString() {
    return dtype.numpyName() + shape;
  }
}
