package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorLayout;
import java.lang.foreign.MemorySegment;

/** Copies a tensor of any strides into row-major memory. */
final class TensorCopy {
  private TensorCopy() {}

  /**
   * Copies all elements.
   *
   * @param source any tensor
   * @param target room for {@link Tensor#byteLength()} bytes
   * @throws FormatException if the source is a file that was cut short meanwhile
   */
  static void toRowMajor(Tensor source, MemorySegment target) {
    try {
      if (source.isRowMajor()) {
        MemorySegment.copy(source.data(), 0, target, 0, source.byteLength());
      } else {
        new Walk(source.segment(), source.layout(), target).copy(0, source.layout().byteOffset());
      }
    } catch (InternalError truncated) {
      throw new FormatException(
          ErrorCode.FILE_IO,
          "a mapped file was cut short while " + source + " was copied from it",
          -1,
          "",
          truncated);
    }
  }

  /** Visits the elements in C order. */
  private static final class Walk {
    private final MemorySegment source;
    private final TensorLayout layout;
    private final MemorySegment target;
    private final int rank;
    private final int elementBytes;
    private long written;

    Walk(MemorySegment source, TensorLayout layout, MemorySegment target) {
      this.source = source;
      this.layout = layout;
      this.target = target;
      this.rank = layout.shape().rank();
      this.elementBytes = layout.dtype().byteSize();
    }

    void copy(int dimension, long offset) {
      long count = layout.shape().dimension(dimension);
      long stride = layout.byteStride(dimension);
      if (dimension < rank - 1) {
        for (long i = 0; i < count; i++) {
          copy(dimension + 1, offset + i * stride);
        }
      } else if (stride == elementBytes) {
        copyRun(offset, count * elementBytes);
      } else {
        for (long i = 0; i < count; i++) {
          copyRun(offset + i * stride, elementBytes);
        }
      }
    }

    private void copyRun(long offset, long length) {
      MemorySegment.copy(source, offset, target, written, length);
      written += length;
    }
  }
}
