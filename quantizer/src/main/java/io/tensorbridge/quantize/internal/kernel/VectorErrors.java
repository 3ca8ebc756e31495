package io.tensorbridge.quantize.internal.kernel;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector twin of {@link ScalarErrors}: the four lanes are one vector of doubles. A processor with
 * shorter vectors keeps the scalar twin, as {@link Training} finds that to be faster.
 */
final class VectorErrors implements ErrorKernel {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_128;
  private static final VectorSpecies<Double> DOUBLES = DoubleVector.SPECIES_256;

  @Override
  public ErrorSums compare(
      MemorySegment original,
      long originalOffset,
      MemorySegment copy,
      long copyOffset,
      int count) {
    DoubleVector signal = DoubleVector.zero(DOUBLES);
    DoubleVector noise = signal;
    DoubleVector product = signal;
    DoubleVector squares = signal;
    DoubleVector greatest = signal;
    int whole = count - count % LANES;
    for (int i = 0; i < whole; i += LANES) {
      DoubleVector a = doubles(original, originalOffset + 4L * i);
      DoubleVector b = doubles(copy, copyOffset + 4L * i);
      DoubleVector error = a.sub(b);
      signal = signal.add(a.mul(a));
      noise = noise.add(error.mul(error));
      product = product.add(a.mul(b));
      squares = squares.add(b.mul(b));
      greatest = greatest.max(error.abs());
    }
    float[] first = new float[LANES];
    float[] second = new float[LANES];
    int rest = count - whole;
    Strip.load(original, originalOffset + 4L * whole, first, rest);
    Strip.load(copy, copyOffset + 4L * whole, second, rest);
    return new ErrorSums(
        join(signal), join(noise), join(product), join(squares),
        greatest.reduceLanes(VectorOperators.MAX))
        .plusTail(first, second, 0, rest);
  }

  private static DoubleVector doubles(MemorySegment source, long offset) {
    FloatVector floats = FloatVector.fromMemorySegment(FLOATS, source, offset, Lanes.ORDER);
    return (DoubleVector) floats.convertShape(VectorOperators.F2D, DOUBLES, 0);
  }

  private static double join(DoubleVector lanes) {
    return ErrorSums.join(lanes.lane(0), lanes.lane(1), lanes.lane(2), lanes.lane(3));
  }
}
