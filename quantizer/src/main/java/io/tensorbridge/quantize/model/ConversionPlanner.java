package io.tensorbridge.quantize.model;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileFormatProvider;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.FloatScheme;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.Quantization;
import io.tensorbridge.quantize.model.TensorPlan.Treatment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Decides what becomes of each tensor when a model is quantized. */
final class ConversionPlanner {
  private final TensorFileFormats formats;
  private final TensorFileFormat container;
  private final ConversionOptions options;

  /**
   * Checks that the container holds the schemes that were asked for.
   *
   * @throws OptionException if it doesn't; the message names the containers that do
   */
  ConversionPlanner(
      TensorFileFormats formats, TensorFileFormat container, ConversionOptions options) {
    this.formats = formats;
    this.container = container;
    this.options = options;
    requireHeld(options.scheme());
    options.overrides().forEach(override -> requireHeld(override.scheme()));
  }

  private void requireHeld(QuantScheme scheme) {
    if (container.holds(scheme.toString())) {
      return;
    }
    List<String> holders = new ArrayList<>();
    for (TensorFileFormatProvider provider : formats.providers()) {
      if (provider.create().holds(scheme.toString())) {
        holders.add(provider.name() + " (" + provider.extensions().getFirst() + ")");
      }
    }
    throw new OptionException(
        ErrorCode.BAD_OPTION,
        "scheme",
        container.name() + " files can't hold " + scheme + "; these can: "
            + String.join(", ", holders));
  }

  /**
   * The plan of one tensor.
   *
   * @throws TensorException with the tensor's name, if there is no way
   */
  TensorPlan plan(ModelTensor tensor) {
    try {
      for (SchemeOverride override : options.overrides()) {
        if (override.matches(tensor.name())) {
          return planAs(tensor, override.scheme(), "");
        }
      }
      return planByRule(tensor);
    } catch (TensorException refused) {
      throw refused.tensorName().isEmpty() ? refused.named(tensor.name()) : refused;
    }
  }

  private TensorPlan planByRule(ModelTensor tensor) {
    QuantScheme wanted = options.scheme();
    if (!tensor.isFloat()) {
      return planAs(tensor, wanted, "");
    }
    if (tensor.shape().rank() < 2) {
      return planAs(
          tensor,
          FloatScheme.F32,
          wanted == FloatScheme.F32 ? "" : tensor.shape().rank() + "-D tensors stay f32");
    }
    QuantScheme scheme = FallbackTable.fitting(wanted, tensor.shape(), container);
    return planAs(
        tensor,
        scheme,
        scheme.equals(wanted)
            ? ""
            : "rows of " + tensor.shape().flattenedToMatrix().rowLength() + " don't divide into "
                + wanted + " blocks of " + wanted.blockElements());
  }

  private TensorPlan planAs(ModelTensor tensor, QuantScheme scheme, String note) {
    if (tensor.isFloat()) {
      return quantize(tensor, scheme, note);
    }
    if (tensor.scheme().isPresent() && tensor.encoding().equals(scheme.toString())) {
      return copy(tensor, "is " + tensor.encoding() + " already");
    }
    boolean ggmlBlocks =
        tensor.dtype().isEmpty() && GgmlType.ofEncoding(tensor.encoding()) != null;
    if (tensor.scheme().isPresent() || ggmlBlocks) {
      throw new TensorException(
          ErrorCode.UNSUPPORTED_DTYPE,
          "is " + tensor.encoding() + " already and would lose twice; quantize the original"
              + " model, or dequantize this one first");
    }
    return copy(tensor, "no floats, copied as " + tensor.encoding());
  }

  private TensorPlan quantize(ModelTensor tensor, QuantScheme scheme, String note) {
    DType dtype = tensor.dtype().orElseThrow();
    TensorType type = new TensorType(dtype, tensor.shape());
    if (scheme instanceof FloatScheme plain && plain.dtype() == dtype) {
      return new TensorPlan(
          tensor, new Treatment.Copy(), List.of(TensorEntry.of(tensor.name(), type)), note);
    }
    Quantization quantization = Quantization.of(scheme, type, options.nonFinite());
    return new TensorPlan(
        tensor, new Treatment.Quantize(quantization), outputs(tensor, quantization), note);
  }

  static List<TensorEntry> outputs(ModelTensor tensor, Quantization quantization) {
    List<TensorEntry> outputs = new ArrayList<>(3);
    for (OutputSpec part : quantization.parts()) {
      long byteLength = part.type().byteLength();
      outputs.add(
          outputs.isEmpty()
              ? new TensorEntry(
                  tensor.name(),
                  quantization.scheme().toString().toLowerCase(Locale.ROOT),
                  tensor.shape(),
                  byteLength)
              : TensorEntry.of(ModelTensor.partName(tensor.name(), part), part.type()));
    }
    return List.copyOf(outputs);
  }

  private TensorPlan copy(ModelTensor tensor, String note) {
    for (TensorEntry part : tensor.parts()) {
      if (!container.holds(part.encoding())) {
        throw new TensorException(
            ErrorCode.UNSUPPORTED_DTYPE,
            container.name() + " files can't hold " + part.encoding()
                + "; convert it, leave it out with --continue-on-error, or write safetensors");
      }
    }
    return new TensorPlan(tensor, new Treatment.Copy(), tensor.parts(), note);
  }
}
