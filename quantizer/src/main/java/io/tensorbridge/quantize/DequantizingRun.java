package io.tensorbridge.quantize;

import io.tensorbridge.op.OpRun;

/** A run of one phase that dequantizes: each chunk gives the elements behind those of the last. */
interface DequantizingRun extends OpRun {
  /**
   * Where a chunk begins.
   *
   * @param chunk its index, at most the number of chunks
   * @return the index of its first element; for the number of chunks, that of all elements
   */
  long firstElement(int chunk);

  /** The chunk that gives an element. */
  default int chunkOf(long element) {
    int low = 0;
    int high = chunkCount(0) - 1;
    while (low < high) {
      int middle = (low + high + 1) >>> 1;
      if (firstElement(middle) <= element) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }
}
