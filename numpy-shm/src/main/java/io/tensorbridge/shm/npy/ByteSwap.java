package io.tensorbridge.shm.npy;

import io.tensorbridge.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Turns big-endian elements into little-endian ones, in place. */
final class ByteSwap {
  private ByteSwap() {}

  static void swap(MemorySegment elements, DType dtype) {
    int wordBytes =
        dtype.kind() == DType.Kind.COMPLEX ? dtype.byteSize() / 2 : dtype.byteSize();
    switch (wordBytes) {
      case 1 -> {}
      case 2 -> swapShorts(elements);
      case 4 -> swapInts(elements);
      case 8 -> swapLongs(elements);
      default -> throw new AssertionError(dtype);
    }
  }

  private static void swapShorts(MemorySegment elements) {
    for (long at = 0; at < elements.byteSize(); at += Short.BYTES) {
      short value = elements.get(ValueLayout.JAVA_SHORT, at);
      elements.set(ValueLayout.JAVA_SHORT, at, Short.reverseBytes(value));
    }
  }

  private static void swapInts(MemorySegment elements) {
    for (long at = 0; at < elements.byteSize(); at += Integer.BYTES) {
      int value = elements.get(ValueLayout.JAVA_INT, at);
      elements.set(ValueLayout.JAVA_INT, at, Integer.reverseBytes(value));
    }
  }

  private static void swapLongs(MemorySegment elements) {
    for (long at = 0; at < elements.byteSize(); at += Long.BYTES) {
      long value = elements.get(ValueLayout.JAVA_LONG, at);
      elements.set(ValueLayout.JAVA_LONG, at, Long.reverseBytes(value));
    }
  }
}
