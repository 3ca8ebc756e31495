package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;

/** The reference of {@link ErrorKernel}: strips, and four lanes in registers, one sum at a time. */
final class ScalarErrors implements ErrorKernel {
  @Override
  public ErrorSums compare(
      MemorySegment original,
      long originalOffset,
      MemorySegment copy,
      long copyOffset,
      int count) {
    float[] first = new float[Strip.ELEMENTS];
    float[] second = new float[Strip.ELEMENTS];
    double[] lanes = new double[4 * LANES];
    double greatest = 0;
    int whole = count - count % LANES;
    for (int done = 0; done < whole; done += Strip.ELEMENTS) {
      int length = Math.min(Strip.ELEMENTS, whole - done);
      Strip.load(original, originalOffset + 4L * done, first, length);
      Strip.load(copy, copyOffset + 4L * done, second, length);
      addProducts(first, first, length, lanes, 0);
      addNoise(first, second, length, lanes);
      addProducts(first, second, length, lanes, 2 * LANES);
      addProducts(second, second, length, lanes, 3 * LANES);
      greatest = Math.max(greatest, maxAbsError(first, second, length));
    }
    int rest = count - whole;
    Strip.load(original, originalOffset + 4L * whole, first, rest);
    Strip.load(copy, copyOffset + 4L * whole, second, rest);
    return new ErrorSums(
        join(lanes, 0), join(lanes, LANES), join(lanes, 2 * LANES), join(lanes, 3 * LANES),
        greatest)
        .plusTail(first, second, 0, rest);
  }

  private static double join(double[] lanes, int from) {
    return ErrorSums.join(lanes[from], lanes[from + 1], lanes[from + 2], lanes[from + 3]);
  }

  private static void addProducts(float[] a, float[] b, int count, double[] lanes, int at) {
    double lane0 = lanes[at];
    double lane1 = lanes[at + 1];
    double lane2 = lanes[at + 2];
    double lane3 = lanes[at + 3];
    for (int i = 0; i < count; i += LANES) {
      lane0 += (double) a[i] * b[i];
      lane1 += (double) a[i + 1] * b[i + 1];
      lane2 += (double) a[i + 2] * b[i + 2];
      lane3 += (double) a[i + 3] * b[i + 3];
    }
    lanes[at] = lane0;
    lanes[at + 1] = lane1;
    lanes[at + 2] = lane2;
    lanes[at + 3] = lane3;
  }

  private static void addNoise(float[] a, float[] b, int count, double[] lanes) {
    double lane0 = lanes[LANES];
    double lane1 = lanes[LANES + 1];
    double lane2 = lanes[LANES + 2];
    double lane3 = lanes[LANES + 3];
    for (int i = 0; i < count; i += LANES) {
      double error0 = (double) a[i] - b[i];
      double error1 = (double) a[i + 1] - b[i + 1];
      double error2 = (double) a[i + 2] - b[i + 2];
      double error3 = (double) a[i + 3] - b[i + 3];
      lane0 += error0 * error0;
      lane1 += error1 * error1;
      lane2 += error2 * error2;
      lane3 += error3 * error3;
    }
    lanes[LANES] = lane0;
    lanes[LANES + 1] = lane1;
    lanes[LANES + 2] = lane2;
    lanes[LANES + 3] = lane3;
  }

  private static double maxAbsError(float[] a, float[] b, int count) {
    double greatest = 0;
    for (int i = 0; i < count; i++) {
      greatest = Math.max(greatest, Math.abs((double) a[i] - b[i]));
    }
    return greatest;
  }
}
