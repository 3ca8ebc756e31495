package io.tensorbridge.quantize.model;

import io.tensorbridge.BridgeException;
import java.util.List;
import java.util.Map;

/**
 * What a conversion wrote.
 *
 * @param tensors what became of each tensor that was written, in the order of the file
 * @param failures why tensors were left out, by name
 * @param warnings what readers of the output may object to, and overrides that matched nothing
 */
public record ConversionResult(
    List<TensorPlan> tensors, Map<String, BridgeException> failures, List<String> warnings) {
  /**
   * The size of the tensors that were read.
   *
   * @return bytes
   */
  public long inputBytes() {
    long sum = 0;
    for (TensorPlan plan : tensors) {
      sum += plan.source().byteLength();
    }
    return sum;
  }

  /**
   * The size of the tensors that were written.
   *
   * @return bytes
   */
  public long outputBytes() {
    long sum = 0;
    for (TensorPlan plan : tensors) {
      sum += plan.byteLength();
    }
    return sum;
  }
}
