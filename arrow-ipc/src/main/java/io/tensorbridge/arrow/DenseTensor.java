package io.tensorbridge.arrow;

import io.tensorbridge.Backing;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The elements of a tensor without gaps. */
final class DenseTensor {
  private DenseTensor() {}

  /**
   * A tensor without gaps, in row-major or column-major order.
   *
   * @param arena of a copy
   * @return the tensor itself, or a row-major copy
   */
  static Tensor of(Tensor tensor, Arena arena) {
    if (tensor.isRowMajor() || isColumnMajor(tensor)) {
      return tensor;
    }
    MemorySegment target = arena.allocate(Math.max(1, tensor.byteLength()));
    Tensor copy = Tensor.of(target, TensorLayout.rowMajor(tensor.type()), Backing.PRIVATE);
    copy(tensor, 0, tensor.layout().byteOffset(), copy, 0);
    return copy;
  }

  private static boolean isColumnMajor(Tensor tensor) {
    TensorLayout layout = tensor.layout();
    return layout.equals(TensorLayout.columnMajor(tensor.type()).at(layout.byteOffset()));
  }

  private static void copy(Tensor from, int dimension, long at, Tensor to, long target) {
    int size = from.dtype().byteSize();
    if (dimension == from.shape().rank()) {
      MemorySegment.copy(from.segment(), at, to.segment(), target, size);
      return;
    }
    for (long i = 0; i < from.shape().dimension(dimension); i++) {
      copy(from, dimension + 1, at + i * from.layout().byteStride(dimension), to,
          target + i * to.layout().byteStride(dimension));
    }
  }

  /** The bytes of a tensor without gaps. */
  static MemorySegment bytes(Tensor dense) {
    return dense.segment().asSlice(dense.layout().byteOffset(), dense.byteLength());
  }
}
