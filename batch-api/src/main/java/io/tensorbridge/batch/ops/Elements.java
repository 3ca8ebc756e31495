package io.tensorbridge.batch.ops;

import io.tensorbridge.DType;
import io.tensorbridge.TensorLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Access to single elements by their size, whatever they mean. */
final class Elements {
  private Elements() {}

  static void copy(
      MemorySegment from, long fromOffset, MemorySegment to, long toOffset, int byteSize) {
    switch (byteSize) {
      case 1 ->
          to.set(ValueLayout.JAVA_BYTE, toOffset, from.get(ValueLayout.JAVA_BYTE, fromOffset));
      case 2 ->
          to.set(
              ValueLayout.JAVA_SHORT_UNALIGNED,
              toOffset,
              from.get(ValueLayout.JAVA_SHORT_UNALIGNED, fromOffset));
      case 4 ->
          to.set(
              ValueLayout.JAVA_INT_UNALIGNED,
              toOffset,
              from.get(ValueLayout.JAVA_INT_UNALIGNED, fromOffset));
      case 8 ->
          to.set(
              ValueLayout.JAVA_LONG_UNALIGNED,
              toOffset,
              from.get(ValueLayout.JAVA_LONG_UNALIGNED, fromOffset));
      default -> MemorySegment.copy(from, fromOffset, to, toOffset, byteSize);
    }
  }

  /**
   * Whether an element differs from zero; a negative zero does not, a NaN does.
   *
   * @param segment where it lies
   * @param offset its first byte
   * @param dtype its encoding
   * @return as {@code numpy.flatnonzero} sees it
   */
  static boolean isNonzero(MemorySegment segment, long offset, DType dtype) {
    return switch (dtype) {
      case BOOL, I8, U8 -> segment.get(ValueLayout.JAVA_BYTE, offset) != 0;
      case F8_E4M3, F8_E5M2 -> (segment.get(ValueLayout.JAVA_BYTE, offset) & 0x7F) != 0;
      case I16, U16 -> segment.get(ValueLayout.JAVA_SHORT_UNALIGNED, offset) != 0;
      case F16, BF16 -> (segment.get(ValueLayout.JAVA_SHORT_UNALIGNED, offset) & 0x7FFF) != 0;
      case I32, U32 -> segment.get(ValueLayout.JAVA_INT_UNALIGNED, offset) != 0;
      case F32 -> segment.get(ValueLayout.JAVA_FLOAT_UNALIGNED, offset) != 0;
      case I64, U64 -> segment.get(ValueLayout.JAVA_LONG_UNALIGNED, offset) != 0;
      case F64 -> segment.get(ValueLayout.JAVA_DOUBLE_UNALIGNED, offset) != 0;
      case C64 ->
          segment.get(ValueLayout.JAVA_FLOAT_UNALIGNED, offset) != 0
              || segment.get(ValueLayout.JAVA_FLOAT_UNALIGNED, offset + 4) != 0;
      case C128 ->
          segment.get(ValueLayout.JAVA_DOUBLE_UNALIGNED, offset) != 0
              || segment.get(ValueLayout.JAVA_DOUBLE_UNALIGNED, offset + 8) != 0;
    };
  }

  /** Goes through elements in C order, from any one on. */
  static final class Cursor {
    private final TensorLayout layout;
    private final long[] index;
    private long offset;

    Cursor(TensorLayout layout, long flatIndex) {
      this.layout = layout;
      this.index = new long[layout.shape().rank()];
      this.offset = layout.byteOffset();
      long rest = flatIndex;
      for (int i = index.length - 1; i >= 0; i--) {
        long dimension = layout.shape().dimension(i);
        index[i] = rest % dimension;
        rest /= dimension;
        offset += index[i] * layout.byteStride(i);
      }
    }

    /** The byte offset of the present element. */
    long offset() {
      return offset;
    }

    void next() {
      for (int i = index.length - 1; i >= 0; i--) {
        offset += layout.byteStride(i);
        if (++index[i] < layout.shape().dimension(i)) {
          return;
        }
        offset -= index[i] * layout.byteStride(i);
        index[i] = 0;
      }
    }
  }
}
