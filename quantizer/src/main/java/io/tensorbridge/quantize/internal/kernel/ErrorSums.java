package io.tensorbridge.quantize.internal.kernel;

/**
 * How close a run is to another.
 *
 * @param signal the sum of the squares of the first
 * @param noise the sum of the squares of the differences
 * @param product the sum of the products
 * @param squares the sum of the squares of the second
 * @param maxAbsError the greatest difference
 */
public record ErrorSums(
    double signal, double noise, double product, double squares, double maxAbsError) {
  /** Joins four lanes, always in the same order. */
  static double join(double lane0, double lane1, double lane2, double lane3) {
    return (lane0 + lane2) + (lane1 + lane3);
  }

  /** With the last elements of a run, which fill no whole vector. */
  ErrorSums plusTail(float[] original, float[] copy, int from, int count) {
    double[] signals = new double[ErrorKernel.LANES];
    double[] noises = new double[ErrorKernel.LANES];
    double[] products = new double[ErrorKernel.LANES];
    double[] squaresOfCopy = new double[ErrorKernel.LANES];
    double greatest = maxAbsError;
    for (int i = from; i < count; i++) {
      double a = original[i];
      double b = copy[i];
      double error = a - b;
      int lane = i - from;
      signals[lane] = a * a;
      noises[lane] = error * error;
      products[lane] = a * b;
      squaresOfCopy[lane] = b * b;
      greatest = Math.max(greatest, Math.abs(error));
    }
    return new ErrorSums(
        signal + join(signals[0], signals[1], signals[2], signals[3]),
        noise + join(noises[0], noises[1], noises[2], noises[3]),
        product + join(products[0], products[1], products[2], products[3]),
        squares + join(squaresOfCopy[0], squaresOfCopy[1], squaresOfCopy[2], squaresOfCopy[3]),
        greatest);
  }
}
