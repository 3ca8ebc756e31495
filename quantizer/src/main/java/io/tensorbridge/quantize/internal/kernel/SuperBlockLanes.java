package io.tensorbridge.quantize.internal.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/** {@link SuperBlock} for vectors. */
final class SuperBlockLanes {
  private SuperBlockLanes() {}

  /** The nearest integers; half to even, and wrapping around beyond 2^22. */
  static IntVector nearest(FloatVector values) {
    return values
        .add(SuperBlock.ROUNDING)
        .reinterpretAsInts()
        .and(SuperBlock.MANTISSA)
        .sub(SuperBlock.ZERO);
  }
}
