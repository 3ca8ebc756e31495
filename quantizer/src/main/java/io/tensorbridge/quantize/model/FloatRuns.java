package io.tensorbridge.quantize.model;

import io.tensorbridge.Backing;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.Dequantization;
import io.tensorbridge.quantize.FloatScheme;
import io.tensorbridge.quantize.NonFinite;
import io.tensorbridge.quantize.PartSink;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.Quantization;
import java.util.ArrayList;
import java.util.List;

/** Runs that read a tensor of a model as float32, in pieces. */
final class FloatRuns {
  private FloatRuns() {}

  /**
   * A run that hands out the values of a tensor.
   *
   * @param sink takes float32 in C order, as part 0
   * @throws TensorException with the name, if the elements are no floats
   */
  static OpRun of(TensorFile file, ModelTensor tensor, PartSink sink) {
    if (tensor.scheme().isPresent()) {
      return dequantizing(file, tensor, tensor.scheme().get(), sink);
    }
    if (!tensor.isFloat()) {
      throw new TensorException(
          ErrorCode.UNSUPPORTED_DTYPE,
          tensor.name(),
          -1,
          "holds " + tensor.encoding() + ", which has no float32 values",
          null);
    }
    Tensor source = file.tensor(tensor.name());
    return Quantization.of(FloatScheme.F32, source.type(), NonFinite.ERROR).bind(source, sink);
  }

  private static OpRun dequantizing(
      TensorFile file, ModelTensor tensor, QuantScheme scheme, PartSink sink) {
    Dequantization dequantization = Dequantization.of(scheme, tensor.blockShape());
    List<Tensor> sources = new ArrayList<>(3);
    for (OutputSpec part : dequantization.parts()) {
      String entry = tensor.parts().get(sources.size()).name();
      TensorLayout layout = TensorLayout.rowMajor(part.type());
      sources.add(Tensor.of(file.bytes(entry), layout, Backing.FILE));
    }
    return dequantization.bind(sources, sink);
  }
}
