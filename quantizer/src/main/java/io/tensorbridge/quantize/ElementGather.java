package io.tensorbridge.quantize;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.tensorbridge.Backing;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorLayout;
import java.lang.foreign.MemorySegment;

/**
 * Copies elements of a tensor with any strides to a run in C order, one innermost run after another.
 */
final class ElementGather {
  private final MemorySegment segment;
  private final boolean inFile;
  private final int size;
  private final long[] dimensions;
  private final long[] strides;
  private final long[] index;
  private long offset;

  /** Begins at an element, counted in C order. */
  ElementGather(Tensor tensor, long first) {
    TensorLayout layout = tensor.layout();
    segment = tensor.segment();
    inFile = tensor.backing() == Backing.FILE;
    size = tensor.dtype().byteSize();
    dimensions = tensor.shape().dimensions();
    strides = layout.byteStrides();
    index = new long[dimensions.length];
    offset = layout.byteOffset();
    long rest = first;
    for (int i = dimensions.length - 1; i >= 0; i--) {
      index[i] = rest % dimensions[i];
      offset += index[i] * strides[i];
      rest /= dimensions[i];
    }
  }

  /** Copies the next elements; a tensor without dimensions is row-major and never comes here. */
  void copyTo(MemorySegment target, int count) {
    int inner = dimensions.length - 1;
    int done = 0;
    while (done < count) {
      int run = (int) Math.min(count - done, dimensions[inner] - index[inner]);
      copyRun(target, (long) done * size, run, strides[inner]);
      done += run;
      advance(inner, run);
    }
  }

  private void advance(int dimension, long by) {
    index[dimension] += by;
    offset += by * strides[dimension];
    if (index[dimension] == dimensions[dimension]) {
      offset -= dimensions[dimension] * strides[dimension];
      index[dimension] = 0;
      if (dimension > 0) {
        advance(dimension - 1, 1);
      }
    }
  }

  private void copyRun(MemorySegment target, long to, int run, long stride) {
    if (stride == size) {
      MemorySegment.copy(segment, offset, target, to, (long) run * size);
    } else if (inFile || size == 1) {
      for (int i = 0; i < run; i++) {
        MemorySegment.copy(segment, offset + i * stride, target, to + (long) i * size, size);
      }
    } else {
      switch (size) {
        case 2 -> copyShorts(target, to, run, stride);
        case 4 -> copyInts(target, to, run, stride);
        default -> copyLongs(target, to, run, stride);
      }
    }
  }

  private void copyShorts(MemorySegment target, long to, int run, long stride) {
    for (int i = 0; i < run; i++) {
      short bits = segment.get(JAVA_SHORT_UNALIGNED, offset + i * stride);
      target.set(JAVA_SHORT_UNALIGNED, to + 2L * i, bits);
    }
  }

  private void copyInts(MemorySegment target, long to, int run, long stride) {
    for (int i = 0; i < run; i++) {
      int bits = segment.get(JAVA_INT_UNALIGNED, offset + i * stride);
      target.set(JAVA_INT_UNALIGNED, to + 4L * i, bits);
    }
  }

  private void copyLongs(MemorySegment target, long to, int run, long stride) {
    for (int i = 0; i < run; i++) {
      long bits = segment.get(JAVA_LONG_UNALIGNED, offset + i * stride);
      target.set(JAVA_LONG_UNALIGNED, to + 8L * i, bits);
    }
  }
}
