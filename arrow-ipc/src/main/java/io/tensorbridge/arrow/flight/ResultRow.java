package io.tensorbridge.arrow.flight;

import io.tensorbridge.BridgeException;
import io.tensorbridge.Shape;
import io.tensorbridge.op.OutputSpec;
import org.jspecify.annotations.Nullable;

/**
 * One output of one item, or its failure.
 *
 * @param name of the item
 * @param output what the output is within the item; null for a failure
 * @param dtype of the output, as NumPy calls it; null for a failure
 * @param shape of the output; null for a failure
 * @param byteLength of its data; also of those of a failed item, which nobody reads
 * @param label what the operation says of its outputs
 * @param failure null if there is an output
 */
record ResultRow(
    String name,
    @Nullable String output,
    @Nullable String dtype,
    @Nullable Shape shape,
    long byteLength,
    @Nullable String label,
    @Nullable BridgeException failure) {
  static ResultRow of(String name, OutputSpec output, String label) {
    return new ResultRow(name, output.name(), output.type().dtype().numpyName(),
        output.type().shape(), output.type().byteLength(), label, null);
  }

  static ResultRow failed(String name, long byteLength, BridgeException failure) {
    return new ResultRow(name, null, null, null, byteLength, null, failure);
  }
}
