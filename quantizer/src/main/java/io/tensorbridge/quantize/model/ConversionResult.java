package io.tensorbridge.quantize.model;

import io.tensorbridge.BridgeException;
import io.tensorbridge.quantize.Survival;
import io.tensorbridge.quantize.TensorQuality;
import java.util.List;
import java.util.Map;

/**
 * What a conversion wrote.
 *
 * @param tensors what became of each tensor that was written, in the order of the file
 * @param failures why tensors were left out, by name
 * @param warnings what readers of the output may object to, and overrides that matched nothing
 * @param qualities how close the quantized tensors are, by name in the order of the file; empty
 *     unless they were to be measured; tensors that were copied are exact and not listed
 * @param survivals how much is left of the adapters that were merged into tensors, by name in the
 *     order of the file
 * @param raised the tensors that got more bits because they missed the gate
 */
public record ConversionResult(
    List<TensorPlan> tensors,
    Map<String, BridgeException> failures,
    List<String> warnings,
    Map<String, TensorQuality> qualities,
    Map<String, Survival> survivals,
    List<RaisedTensor> raised) {
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

  /**
   * Of the adapters in all tensors together.
   *
   * @return the sums
   */
  public Survival survival() {
    return Survival.total(survivals.values());
  }

  /**
   * Over all tensors that were measured.
   *
   * @return the sums
   */
  public TensorQuality quality() {
    TensorQuality sum = TensorQuality.NONE;
    for (TensorQuality quality : qualities.values()) {
      sum = sum.plus(quality);
    }
    return sum;
  }
}
