package io.tensorbridge.shm.npy;

import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import java.net.URISyntaxException;
import java.nio.file.Path;

/** The files that NumPy wrote: see make_golden.py beside them. */
final class Golden {
  static final Shape SHAPE = Shape.of(2, 3, 4);

  private Golden() {}

  static Path path(String name) {
    try {
      return Path.of(Golden.class.getResource("/npy/" + name).toURI());
    } catch (URISyntaxException impossible) {
      throw new AssertionError(impossible);
    }
  }

  /** Element (i, j, k) of every golden array is its flat index in C order. */
  static double[] values(Tensor tensor) {
    double[] values = new double[24];
    for (int flat = 0; flat < values.length; flat++) {
      values[flat] = tensor.getDouble(flat / 12, flat / 4 % 3, flat % 4);
    }
    return values;
  }

  static double[] flatIndex() {
    double[] values = new double[24];
    for (int flat = 0; flat < values.length; flat++) {
      values[flat] = flat;
    }
    return values;
  }
}
