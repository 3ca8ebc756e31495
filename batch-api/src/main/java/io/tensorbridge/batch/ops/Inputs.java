package io.tensorbridge.batch.ops;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.Options;
import java.util.List;
import java.util.Set;

/** What the operations of this package take. */
final class Inputs {
  private Inputs() {}

  static void requireOne(String operation, List<TensorType> inputs, Options options) {
    options.requireOnly(Set.of());
    if (inputs.size() != 1) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE, operation + " takes one input, not " + inputs.size());
    }
  }
}
