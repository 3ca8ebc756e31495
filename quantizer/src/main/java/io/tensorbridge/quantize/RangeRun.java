package io.tensorbridge.quantize;

/**
 * A dequantizing run of one phase that can also begin and end elsewhere than its chunks do; all chunks
 * but the last are of {@link Scratch#CHUNK_ELEMENTS}.
 */
interface RangeRun extends DequantizingRun {
  /** The elements of the tensor. */
  long elements();

  @Override
  default int chunkCount(int phase) {
    return Math.toIntExact(Math.ceilDiv(elements(), Scratch.CHUNK_ELEMENTS));
  }

  @Override
  default long firstElement(int chunk) {
    return Math.min((long) chunk * Scratch.CHUNK_ELEMENTS, elements());
  }

  @Override
  default void runChunk(int phase, int chunk) {
    long from = firstElement(chunk);
    runRange(from, (int) (firstElement(chunk + 1) - from));
  }

  /**
   * Dequantizes a run of elements that a chunk of the quantization wrote.
   *
   * @param from the first element
   * @param elements how many, at most {@link Scratch#CHUNK_ELEMENTS}
   */
  void runRange(long from, int elements);
}
