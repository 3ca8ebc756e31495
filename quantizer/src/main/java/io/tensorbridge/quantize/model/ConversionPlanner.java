package io.tensorbridge.quantize.model;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileFormatProvider;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.op.OutputSpec;
import io.tensorbridge.quantize.FloatScheme;
import io.tensorbridge.quantize.NonFinite;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.Quantization;
import io.tensorbridge.quantize.checkpoint.CheckpointLayouts;
import io.tensorbridge.quantize.checkpoint.StoredEntry;
import io.tensorbridge.quantize.lora.LoraDelta;
import io.tensorbridge.quantize.model.TensorPlan.Treatment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/** Decides what becomes of each tensor when a model is quantized. */
final class ConversionPlanner {
  private static final List<String> FLOATS = List.of("f32", "f16", "bf16");

  private final TensorFileFormats formats;
  private final TensorFileFormat container;
  private final ConversionOptions options;
  private final KeepingPolicy policy;

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
    this.policy = options.policy();
    requireHeld(options.scheme());
    options.overrides().forEach(override -> requireHeld(override.scheme()));
    options.gate().ifPresent(gate -> gate.ladder().forEach(this::requireHeld));
    requireCalibrationTaken();
  }

  private ConversionPlanner(ConversionPlanner planner, KeepingPolicy policy) {
    this.formats = planner.formats;
    this.container = planner.container;
    this.options = planner.options;
    this.policy = policy;
  }

  /**
   * The same for a file of which all names are known, which tell the policy.
   *
   * @param tensors all of the file
   */
  ConversionPlanner forModel(List<ModelTensor> tensors) {
    List<String> names = tensors.stream().map(ModelTensor::name).toList();
    return new ConversionPlanner(this, policy.of(names, options.skips()));
  }

  private void requireCalibrationTaken() {
    boolean taken =
        Stream.concat(
            Stream.of(options.scheme()), options.overrides().stream().map(SchemeOverride::scheme))
            .anyMatch(QuantScheme::takesCalibration);
    if (!options.calibration().isEmpty() && !taken) {
      throw new OptionException(
          ErrorCode.BAD_OPTION,
          "calibration",
          options.scheme() + " takes none; these do: " + QuantScheme.calibrationTakers());
    }
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
   * @param delta what is merged into it, if anything
   * @throws TensorException with the tensor's name, if there is no way
   */
  TensorPlan plan(ModelTensor tensor, Optional<LoraDelta> delta) {
    try {
      for (SchemeOverride override : options.overrides()) {
        if (override.matches(tensor.name())) {
          return planAs(tensor, override.scheme(), delta, "");
        }
      }
      String skipped = options.skips().reason(tensor.name());
      return skipped.isEmpty()
          ? planByRule(tensor, delta)
          : keep(tensor, delta, skipped);
    } catch (TensorException refused) {
      throw refused.tensorName().isEmpty() ? refused.named(tensor.name()) : refused;
    }
  }

  /** The plan of a tensor with another scheme, because it missed its gate with the first. */
  TensorPlan raised(TensorPlan plan, QuantScheme scheme) {
    String note = "missed the gate as " + plan.encoding();
    Optional<LoraDelta> delta =
        plan.treatment() instanceof Treatment.Quantize quantize
            ? quantize.delta()
            : Optional.empty();
    return quantize(
        plan.source(), scheme, delta, plan.note().isEmpty() ? note : plan.note());
  }

  private TensorPlan planByRule(ModelTensor tensor, Optional<LoraDelta> delta) {
    QuantScheme wanted = options.scheme();
    boolean done = tensor.encoding().equals(wanted.toString());
    if (done || (!tensor.isFloat() && !tensor.isQuantized())) {
      return planAs(tensor, wanted, delta, "");
    }
    if (tensor.shape().rank() < 2) {
      return planAs(
          tensor,
          FloatScheme.F32,
          delta,
          wanted == FloatScheme.F32 ? "" : tensor.shape().rank() + "-D tensors stay f32");
    }
    String byDefault = options.skips().defaultReason(tensor.name(), wanted);
    String kept = byDefault.isEmpty() && !(wanted instanceof FloatScheme)
        ? policy.reason(tensor.name())
        : byDefault;
    if (!kept.isEmpty()) {
      return keep(tensor, delta, kept);
    }
    QuantScheme scheme = FallbackTable.fitting(wanted, tensor.shape(), container);
    return planAs(
        tensor,
        scheme,
        delta,
        scheme.equals(wanted)
            ? ""
            : "rows of " + tensor.shape().flattenedToMatrix().rowLength() + " don't divide into "
                + wanted + " blocks of " + wanted.blockElements());
  }

  private TensorPlan planAs(
      ModelTensor tensor, QuantScheme scheme, Optional<LoraDelta> delta, String note) {
    if (tensor.isFloat()) {
      return quantize(tensor, scheme, delta, note);
    }
    if (tensor.isQuantized()) {
      return tensor.encoding().equals(scheme.toString()) && delta.isEmpty()
          ? copy(tensor, "is " + tensor.encoding() + " already")
          : quantize(tensor, scheme, delta, note);
    }
    if (tensor.dtype().isEmpty() && GgmlType.ofEncoding(tensor.encoding()) != null) {
      throw new TensorException(
          ErrorCode.UNSUPPORTED_DTYPE,
          "is " + tensor.encoding() + ", which can't be dequantized; quantize the original model");
    }
    if (delta.isPresent()) {
      throw new TensorException(
          ErrorCode.UNSUPPORTED_DTYPE,
          "is " + tensor.encoding() + ", no floats: an adapter can't be merged into it");
    }
    return copy(tensor, "no floats, copied as " + tensor.encoding());
  }

  /** As it is; if something is merged into it, at least in its own dtype or scheme. */
  private TensorPlan keep(ModelTensor tensor, Optional<LoraDelta> delta, String note) {
    if (delta.isEmpty()) {
      return copy(tensor, note);
    }
    QuantScheme own = tensor.scheme().orElseGet(
        () -> tensor.isFloat() && FLOATS.contains(tensor.encoding())
            ? QuantScheme.parse(tensor.encoding())
            : FloatScheme.F32);
    return planAs(tensor, own, delta, note);
  }

  private TensorPlan quantize(
      ModelTensor tensor, QuantScheme scheme, Optional<LoraDelta> delta, String note) {
    DType dtype = delta.isPresent() ? DType.F32 : tensor.dtype().orElse(DType.F32);
    TensorType type = new TensorType(dtype, tensor.shape());
    if (delta.isEmpty()
        && tensor.isFloat()
        && scheme instanceof FloatScheme plain
        && plain.dtype() == dtype) {
      return new TensorPlan(
          tensor, new Treatment.Copy(), List.of(TensorEntry.of(tensor.name(), type)), note);
    }
    Quantization quantization = Quantization.of(scheme, type, options.nonFinite());
    String fullNote = note;
    if (!options.calibration().isEmpty() && scheme.takesCalibration()) {
      Optional<Tensor> vector = options.calibration().vector(tensor.name());
      if (vector.isPresent()) {
        quantization = quantization.withImportance(vector.get());
      } else if (note.isEmpty()) {
        fullNote = "the calibration does not tell of it";
      }
    }
    List<StoredEntry> entries = entries(tensor, quantization, container);
    return new TensorPlan(
        tensor,
        new Treatment.Quantize(quantization, entries, delta),
        entries.stream().map(StoredEntry::entry).toList(),
        fullNote);
  }

  /** The plan of a tensor that was quantized from a dtype, and is to be stored in a container. */
  static TensorPlan stored(
      ModelTensor tensor, QuantScheme scheme, DType source, TensorFileFormat container) {
    Quantization quantization =
        Quantization.of(scheme, new TensorType(source, tensor.shape()), NonFinite.ERROR);
    List<StoredEntry> entries = entries(tensor, quantization, container);
    return new TensorPlan(
        tensor,
        new Treatment.Quantize(quantization, entries, Optional.empty()),
        entries.stream().map(StoredEntry::entry).toList(),
        "");
  }

  /** In safetensors as the scheme's library stores it; else, and elsewhere, an entry for each part. */
  private static List<StoredEntry> entries(
      ModelTensor tensor, Quantization quantization, TensorFileFormat container) {
    List<StoredEntry> entries = container instanceof SafetensorsFormat
        ? CheckpointLayouts.store(
            tensor.name(),
            quantization.scheme(),
            tensor.shape(),
            quantization.type().dtype())
        : List.of();
    return entries.isEmpty() ? entriesOfParts(tensor, quantization) : entries;
  }

  private static List<StoredEntry> entriesOfParts(ModelTensor tensor, Quantization quantization) {
    List<StoredEntry> entries = new ArrayList<>(3);
    if (quantization.scheme() instanceof FloatScheme plain) {
      TensorEntry entry =
          TensorEntry.of(tensor.name(), new TensorType(plain.dtype(), tensor.shape()));
      return List.of(new StoredEntry(entry, new StoredEntry.Content.Part(0)));
    }
    for (OutputSpec part : quantization.parts()) {
      TensorEntry entry = entries.isEmpty()
          ? new TensorEntry(
              tensor.name(),
              quantization.scheme().toString().toLowerCase(Locale.ROOT),
              tensor.shape(),
              part.type().byteLength())
          : TensorEntry.of(ModelTensor.partName(tensor.name(), part), part.type());
      entries.add(new StoredEntry(entry, new StoredEntry.Content.Part(entries.size())));
    }
    return entries;
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
