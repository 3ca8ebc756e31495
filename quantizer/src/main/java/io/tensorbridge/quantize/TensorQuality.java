package io.tensorbridge.quantize;

import io.tensorbridge.quantize.internal.kernel.ErrorSums;
import io.tensorbridge.quantize.internal.kernel.Kernels;
import java.lang.foreign.MemorySegment;

/**
 * How close one tensor is to another, as sums that can be added up over tensors.
 *
 * @param elements how many were compared
 * @param signal the sum of the squares of the first
 * @param noise the sum of the squares of the differences
 * @param product the sum of the products
 * @param squares the sum of the squares of the second
 * @param maxAbsError the greatest difference
 */
public record TensorQuality(
    long elements,
    double signal,
    double noise,
    double product,
    double squares,
    double maxAbsError) {
  /** Of no elements. */
  public static final TensorQuality NONE = new TensorQuality(0, 0, 0, 0, 0, 0);

  /**
   * Compares values in memory.
   *
   * @param original native float32
   * @param copy what became of them: native float32, as many
   * @return their sums
   */
  public static TensorQuality of(MemorySegment original, MemorySegment copy) {
    int count = Math.toIntExact(original.byteSize() / Float.BYTES);
    ErrorSums sums =
        Kernels.shared().errors().forWork(count).compare(original, 0, copy, 0, count);
    return new TensorQuality(
        count, sums.signal(), sums.noise(), sums.product(), sums.squares(), sums.maxAbsError());
  }

  /**
   * The sums of both.
   *
   * @param other of other elements
   * @return of all elements
   */
  public TensorQuality plus(TensorQuality other) {
    return new TensorQuality(
        elements + other.elements,
        signal + other.signal,
        noise + other.noise,
        product + other.product,
        squares + other.squares,
        Math.max(maxAbsError, other.maxAbsError));
  }

  /**
   * The ratio of signal to quantization noise.
   *
   * @return decibels; positive infinity if nothing differs, NaN if a copy overflowed
   */
  public double sqnrDb() {
    return noise == 0 ? Double.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
  }

  /**
   * The cosine of the angle between both, seen as vectors.
   *
   * @return at most 1; 1 if both are zero, NaN if a copy overflowed
   */
  public double cosine() {
    double norms = Math.sqrt(signal) * Math.sqrt(squares);
    return noise == 0 ? 1 : norms == 0 ? 0 : Math.min(1, product / norms);
  }
}
