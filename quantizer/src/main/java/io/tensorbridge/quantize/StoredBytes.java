package io.tensorbridge.quantize;

import io.tensorbridge.Backing;
import io.tensorbridge.Tensor;
import io.tensorbridge.quantize.internal.kernel.Native;
import java.lang.foreign.MemorySegment;

/**
 * The stored bytes of a tensor's elements in C order, as native memory that a kernel may read;
 * thread-safe.
 */
sealed interface StoredBytes {
  /**
   * The bytes of a run of elements.
   *
   * @return native memory, valid until the scratch memory is used again
   */
  MemorySegment read(long first, int count, Scratch scratch);

  static StoredBytes of(Tensor tensor) {
    if (!tensor.isRowMajor()) {
      return new Gathered(tensor);
    }
    MemorySegment data = tensor.data();
    int size = tensor.dtype().byteSize();
    return tensor.backing() != Backing.FILE && data.isNative()
        ? new InPlace(Native.view(data), size)
        : new Copied(data, size);
  }

  /** Native memory that nobody can shrink, without gaps. */
  record InPlace(MemorySegment data, int elementBytes) implements StoredBytes {
    @Override
    public MemorySegment read(long first, int count, Scratch scratch) {
      return data.asSlice(first * elementBytes, (long) count * elementBytes);
    }
  }

  /**
   * A mapped file or heap memory, without gaps. A bulk copy is the one way to read a file that can
   * fail in a way that can be caught ({@link FileBackedRun}).
   */
  record Copied(MemorySegment data, int elementBytes) implements StoredBytes {
    @Override
    public MemorySegment read(long first, int count, Scratch scratch) {
      long byteLength = (long) count * elementBytes;
      MemorySegment copy = scratch.stored(byteLength);
      MemorySegment.copy(data, first * elementBytes, copy, 0, byteLength);
      return copy;
    }
  }

  /** Elements with gaps or in another order. */
  record Gathered(Tensor tensor) implements StoredBytes {
    @Override
    public MemorySegment read(long first, int count, Scratch scratch) {
      MemorySegment target = scratch.stored((long) count * tensor.dtype().byteSize());
      new ElementGather(tensor, first).copyTo(target, count);
      return target;
    }
  }
}
