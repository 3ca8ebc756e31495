package io.tensorbridge.shm.npy;

import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The elements of any tensor in C order, piece by piece. */
final class RowMajorChunks {
  private static final long CHUNK_BYTES = 4 << 20;

  /** Takes the pieces in order. */
  interface Sink {
    void accept(long byteOffset, MemorySegment bytes);
  }

  private RowMajorChunks() {}

  static void forEach(Tensor tensor, Sink sink) {
    if (tensor.byteLength() == 0) {
      return;
    }
    if (tensor.isRowMajor()) {
      sink.accept(0, tensor.data());
      return;
    }
    long count = tensor.shape().dimension(0);
    long outerBytes = tensor.byteLength() / count;
    long step = Math.clamp(CHUNK_BYTES / outerBytes, 1, count);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = PrivateMemory.allocate(arena, step * outerBytes);
      for (long from = 0; from < count; from += step) {
        Tensor part = tensor.narrow(0, from, Math.min(count, from + step));
        MemorySegment bytes = buffer.asSlice(0, part.byteLength());
        RowMajor.copy(part.segment(), part.layout(), bytes);
        sink.accept(from * outerBytes, bytes);
      }
    }
  }

  /** Whether the elements lie in Fortran order without gaps; such an array is saved as it is. */
  static boolean isColumnMajor(Tensor tensor) {
    TensorLayout layout = tensor.layout();
    TensorLayout wanted = TensorLayout.columnMajor(tensor.type());
    return !layout.isRowMajor() && layout.equals(wanted.at(layout.byteOffset()));
  }

  /** The bytes of a tensor in Fortran order, as those of a row-major one. */
  static Tensor flat(Tensor columnMajor) {
    TensorType type =
        new TensorType(
            columnMajor.dtype(), Shape.of(columnMajor.shape().elementCount()));
    return Tensor.of(
        columnMajor.segment(),
        TensorLayout.rowMajor(type).at(columnMajor.layout().byteOffset()),
        columnMajor.backing());
  }
}
