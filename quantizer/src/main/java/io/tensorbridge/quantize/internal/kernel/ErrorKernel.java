package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Sums what tells how close a run of float32 is to another; stateless.
 *
 * <p>Element {@code i} of the run belongs to lane {@code i % 4}. Each lane adds up in double
 * precision, in order, and {@link ErrorSums} joins the lanes, so that both twins give the same bits.
 */
public interface ErrorKernel {
  /** The number of partial sums. */
  int LANES = 4;

  /**
   * Compares two runs.
   *
   * @param original float32 values
   * @param originalOffset where they begin, in bytes
   * @param copy what became of them, float32
   * @param copyOffset where it begins, in bytes
   * @param count elements of both
   * @return the sums
   */
  ErrorSums compare(
      MemorySegment original, long originalOffset, MemorySegment copy, long copyOffset, int count);
}
