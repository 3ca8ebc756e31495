package io.tensorbridge.quantize;

/** A dequantizing run of one phase that can also begin and end elsewhere than its chunks do. */
interface RangeRun extends DequantizingRun {
  /**
   * Dequantizes a run of elements that a chunk of the quantization wrote.
   *
   * @param from the first element
   * @param elements how many, at most {@link Scratch#CHUNK_ELEMENTS}
   */
  void runRange(long from, int elements);
}
