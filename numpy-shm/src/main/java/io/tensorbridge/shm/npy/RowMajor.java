package io.tensorbridge.shm.npy;

import io.tensorbridge.Shape;
import io.tensorbridge.TensorLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Copies elements of any layout into one run in C order. */
final class RowMajor {
  private RowMajor() {}

  /**
   * Copies a tensor's elements.
   *
   * @param source memory in which every element lies
   * @param layout where
   * @param target exactly the elements' size
   */
  static void copy(MemorySegment source, TensorLayout layout, MemorySegment target) {
    Shape shape = layout.shape();
    if (shape.elementCount() == 0) {
      return;
    }
    int rank = shape.rank();
    int elementBytes = layout.dtype().byteSize();
    long rowElements = shape.rowLength();
    long rowStride = rank == 0 ? elementBytes : layout.byteStride(rank - 1);
    long[] index = new long[Math.max(0, rank - 1)];
    long from = layout.byteOffset();
    for (long to = 0; to < target.byteSize(); to += rowElements * elementBytes) {
      copyRow(source, from, rowStride, target, to, rowElements, elementBytes);
      from = next(index, from, layout);
    }
  }

  /** Steps to the next row; the offset returns to the first one after the last. */
  private static long next(long[] index, long from, TensorLayout layout) {
    long offset = from;
    for (int i = index.length - 1; i >= 0; i--) {
      offset += layout.byteStride(i);
      if (++index[i] < layout.shape().dimension(i)) {
        return offset;
      }
      offset -= index[i] * layout.byteStride(i);
      index[i] = 0;
    }
    return offset;
  }

  private static void copyRow(
      MemorySegment source,
      long from,
      long stride,
      MemorySegment target,
      long to,
      long count,
      int elementBytes) {
    if (stride == elementBytes) {
      MemorySegment.copy(source, from, target, to, count * elementBytes);
      return;
    }
    switch (elementBytes) {
      case 1 -> copyBytes(source, from, stride, target, to, count);
      case 2 -> copyShorts(source, from, stride, target, to, count);
      case 4 -> copyInts(source, from, stride, target, to, count);
      default -> copyLongs(source, from, stride, target, to, count, elementBytes / Long.BYTES);
    }
  }

  private static void copyBytes(
      MemorySegment source, long from, long stride, MemorySegment target, long to, long count) {
    for (long i = 0; i < count; i++) {
      target.set(
          ValueLayout.JAVA_BYTE, to + i, source.get(ValueLayout.JAVA_BYTE, from + i * stride));
    }
  }

  private static void copyShorts(
      MemorySegment source, long from, long stride, MemorySegment target, long to, long count) {
    for (long i = 0; i < count; i++) {
      short value = source.get(ValueLayout.JAVA_SHORT_UNALIGNED, from + i * stride);
      target.set(ValueLayout.JAVA_SHORT_UNALIGNED, to + i * Short.BYTES, value);
    }
  }

  private static void copyInts(
      MemorySegment source, long from, long stride, MemorySegment target, long to, long count) {
    for (long i = 0; i < count; i++) {
      int value = source.get(ValueLayout.JAVA_INT_UNALIGNED, from + i * stride);
      target.set(ValueLayout.JAVA_INT_UNALIGNED, to + i * Integer.BYTES, value);
    }
  }

  private static void copyLongs(
      MemorySegment source,
      long from,
      long stride,
      MemorySegment target,
      long to,
      long count,
      int longsPerElement) {
    for (long i = 0; i < count * longsPerElement; i++) {
      long at = from + i / longsPerElement * stride + i % longsPerElement * Long.BYTES;
      long value = source.get(ValueLayout.JAVA_LONG_UNALIGNED, at);
      target.set(ValueLayout.JAVA_LONG_UNALIGNED, to + i * Long.BYTES, value);
    }
  }
}
