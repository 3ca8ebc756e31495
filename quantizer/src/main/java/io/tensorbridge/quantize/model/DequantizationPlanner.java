package io.tensorbridge.quantize.model;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.quantize.model.TensorPlan.Treatment;
import java.util.List;

/** Decides what becomes of each tensor when a model is dequantized. */
final class DequantizationPlanner {
  private DequantizationPlanner() {}

  /**
   * The plan of one tensor.
   *
   * @throws TensorException if it can't be dequantized, or the container can't hold it
   */
  static TensorPlan plan(ModelTensor tensor, TensorFileFormat container) {
    if (tensor.isQuantized() || isFloat8(tensor)) {
      TensorType type = new TensorType(DType.F32, tensor.shape());
      return new TensorPlan(
          tensor, new Treatment.Dequantize(), List.of(TensorEntry.of(tensor.name(), type)), "");
    }
    if (tensor.dtype().isEmpty()) {
      throw refusal(tensor, "is stored as " + tensor.encoding() + ", which can't be dequantized");
    }
    if (!container.holds(tensor.encoding())) {
      throw refusal(
          tensor,
          container.name() + " files can't hold " + tensor.encoding() + "; write safetensors");
    }
    return new TensorPlan(tensor, new Treatment.Copy(), tensor.parts(), "");
  }

  /** Plain elements too, but who dequantizes a model does not want to keep them. */
  private static boolean isFloat8(ModelTensor tensor) {
    DType dtype = tensor.dtype().orElse(DType.BOOL);
    return dtype == DType.F8_E4M3 || dtype == DType.F8_E5M2;
  }

  private static TensorException refusal(ModelTensor tensor, String reason) {
    return new TensorException(ErrorCode.UNSUPPORTED_DTYPE, tensor.name(), -1, reason, null);
  }
}
