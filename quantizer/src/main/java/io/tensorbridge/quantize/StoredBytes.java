package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.tensorbridge.Backing;
import io.tensorbridge.Tensor;
import io.tensorbridge.op.FileBackedRun;
import io.tensorbridge.quantize.internal.kernel.DynamicMap;
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

  /** The size of an element. */
  int elementBytes();

  /** The bytes of a run of whole elements, as {@link #read}. */
  default MemorySegment readBytes(long byteOffset, long byteLength, Scratch scratch) {
    int count = Math.toIntExact(byteLength / elementBytes());
    return read(byteOffset / elementBytes(), count, scratch);
  }

  /**
   * The bytes of a part of a chunk.
   *
   * @param part index of the part, for scratch memory that parts don't share
   */
  static StoredBytes of(Tensor tensor, int part) {
    if (!tensor.isRowMajor()) {
      return new Gathered(tensor, part);
    }
    MemorySegment data = tensor.data();
    int size = tensor.dtype().byteSize();
    return tensor.backing() != Backing.FILE && data.isNative()
        ? new InPlace(Native.view(data), size)
        : new Copied(data, size, part);
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
  record Copied(MemorySegment data, int elementBytes, int part) implements StoredBytes {
    @Override
    public MemorySegment read(long first, int count, Scratch scratch) {
      long byteLength = (long) count * elementBytes;
      MemorySegment copy = scratch.stored(part, byteLength);
      MemorySegment.copy(data, first * elementBytes, copy, 0, byteLength);
      return copy;
    }
  }

  /**
   * Floats that are stored as bytes in bitsandbytes' dynamic map, with scales for blocks of them and
   * an offset for all.
   */
  record Nested(StoredBytes codes, StoredBytes scales, StoredBytes offset,
      int part) implements StoredBytes {
    @Override
    public int elementBytes() {
      return Float.BYTES;
    }

    @Override
    public MemorySegment read(long first, int count, Scratch scratch) {
      long firstBlock = first / DynamicMap.BLOCK;
      int inBlock = (int) (first % DynamicMap.BLOCK);
      int blocks = Math.ceilDiv(inBlock + count, DynamicMap.BLOCK);
      MemorySegment values = scratch.output(part, (long) count * Float.BYTES);
      DynamicMap.dequantize(
          codes.read(first, count, scratch),
          inBlock,
          count,
          scales.read(firstBlock, blocks, scratch),
          offset.read(0, 1, scratch).get(JAVA_FLOAT_UNALIGNED, 0),
          values);
      return values;
    }
  }

  /** Elements with gaps or in another order. */
  record Gathered(Tensor tensor, int part) implements StoredBytes {
    @Override
    public int elementBytes() {
      return tensor.dtype().byteSize();
    }

    @Override
    public MemorySegment read(long first, int count, Scratch scratch) {
      MemorySegment target = scratch.stored(part, (long) count * elementBytes());
      new ElementGather(tensor, first).copyTo(target, count);
      return target;
    }
  }

  /**
   * A range of a part that was just written, in native memory.
   *
   * @param begin where the range begins, in elements of the part
   */
  record Written(MemorySegment data, long begin, int elementBytes) implements StoredBytes {
    @Override
    public MemorySegment read(long first, int count, Scratch scratch) {
      return data.asSlice((first - begin) * elementBytes, (long) count * elementBytes);
    }
  }

  /** Elements in C order of a file that is read, not mapped, so that its pages are not counted. */
  record Read(FloatSource.StoredElements elements, int elementBytes) implements StoredBytes {
    @Override
    public MemorySegment read(long first, int count, Scratch scratch) {
      MemorySegment copy = scratch.stored(0, (long) count * elementBytes);
      elements.read(first * elementBytes, copy);
      return copy;
    }
  }
}
