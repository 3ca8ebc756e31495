package io.tensorbridge.quantize;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.op.OutputSpec;
import java.util.List;

/** Checks that tensors are the parts of a quantized tensor. */
final class Parts {
  private Parts() {}

  static void require(List<OutputSpec> expected, List<Tensor> actual) {
    requireTypes(expected, actual.stream().map(Tensor::type).toList());
  }

  /** Dtypes and element counts must agree; the shape of the elements does not matter. */
  static void requireTypes(List<OutputSpec> expected, List<TensorType> actual) {
    if (expected.size() != actual.size()) {
      throw new TensorException(
          ErrorCode.BAD_SHAPE,
          actual.size() + " parts were given where there are "
              + expected.stream().map(OutputSpec::name).toList());
    }
    for (int i = 0; i < expected.size(); i++) {
      OutputSpec part = expected.get(i);
      TensorType given = actual.get(i);
      if (given.dtype() != part.type().dtype()
          || given.shape().elementCount() != part.type().shape().elementCount()) {
        throw new TensorException(
            ErrorCode.BAD_SHAPE,
            given + " was given as " + part.name() + ", which is " + part.type());
      }
    }
  }
}
