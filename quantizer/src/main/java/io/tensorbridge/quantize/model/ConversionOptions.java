package io.tensorbridge.quantize.model;

import io.tensorbridge.quantize.NonFinite;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.lora.LoraSelection;
import java.util.List;
import java.util.Optional;

/**
 * How a model is to be quantized.
 *
 * @param scheme for tensors of two or more dimensions that no override matches
 * @param overrides of which the first that matches a tensor's name decides, also for tensors of one
 *     dimension
 * @param skips tensors that stay as they are unless an override matches
 * @param nonFinite what to do with NaN and infinities
 * @param continueOnError whether tensors that fail are left out, instead of ending the conversion
 * @param measured whether the result tells how close each tensor is; a gate measures in any case
 * @param gate what each quantized tensor must reach, if anything
 * @param calibration what activations tell of the columns of tensors
 * @param lora what is merged into the weights before they are quantized
 * @param policy which kind of model decides what stays as it is, beside the lists of {@code skips}
 */
public record ConversionOptions(
    QuantScheme scheme,
    List<SchemeOverride> overrides,
    SkipList skips,
    NonFinite nonFinite,
    boolean continueOnError,
    boolean measured,
    Optional<QualityGate> gate,
    Calibration calibration,
    LoraSelection lora,
    KeepingPolicy policy) {
  /** Keeps its own list. */
  public ConversionOptions {
    overrides = List.copyOf(overrides);
  }

  /**
   * Options without a gate, with the default lists of tensors that stay as they are.
   *
   * @param scheme for tensors of two or more dimensions that no override matches
   * @param overrides of which the first that matches a tensor's name decides
   * @param nonFinite what to do with NaN and infinities
   * @param continueOnError whether tensors that fail are left out
   */
  public ConversionOptions(
      QuantScheme scheme,
      List<SchemeOverride> overrides,
      NonFinite nonFinite,
      boolean continueOnError) {
    this(
        scheme, overrides, SkipList.DEFAULT, nonFinite, continueOnError, false,
        Optional.empty(), Calibration.NONE, LoraSelection.NONE, KeepingPolicy.AUTO);
  }

  /**
   * One scheme for all, errors end the conversion.
   *
   * @param scheme the scheme
   * @return the options
   */
  public static ConversionOptions of(QuantScheme scheme) {
    return new ConversionOptions(scheme, List.of(), NonFinite.ERROR, false);
  }

  /**
   * The same with other tensors that stay as they are.
   *
   * @param list the tensors
   * @return new options
   */
  public ConversionOptions withSkips(SkipList list) {
    return new ConversionOptions(
        scheme, overrides, list, nonFinite, continueOnError, measured, gate, calibration,
        lora, policy);
  }

  /**
   * The same, measured.
   *
   * @return new options
   */
  public ConversionOptions withMeasuring() {
    return new ConversionOptions(
        scheme, overrides, skips, nonFinite, continueOnError, true, gate, calibration,
        lora, policy);
  }

  /**
   * The same with a gate, and so measured.
   *
   * @param limits what each quantized tensor must reach
   * @return new options
   */
  public ConversionOptions withGate(QualityGate limits) {
    return new ConversionOptions(
        scheme, overrides, skips, nonFinite, continueOnError, true, Optional.of(limits),
        calibration, lora, policy);
  }

  /**
   * The same with what activations tell of the columns of tensors; each scheme takes what it can
   * use, and at least one must take something.
   *
   * @param known by the names of tensors
   * @return new options
   */
  public ConversionOptions withCalibration(Calibration known) {
    return new ConversionOptions(
        scheme, overrides, skips, nonFinite, continueOnError, measured, gate, known, lora,
        policy);
  }

  /**
   * The same with adapters that are merged into the weights, in float32 and in the same pass.
   *
   * @param selection the adapters
   * @return new options
   */
  public ConversionOptions withLora(LoraSelection selection) {
    return new ConversionOptions(
        scheme, overrides, skips, nonFinite, continueOnError, measured, gate, calibration,
        selection, policy);
  }

  /**
   * The same with another policy; by default the names of the tensors tell.
   *
   * @param kind which kind of model decides what stays as it is
   * @return new options
   */
  public ConversionOptions withPolicy(KeepingPolicy kind) {
    return new ConversionOptions(
        scheme, overrides, skips, nonFinite, continueOnError, measured, gate, calibration,
        lora, kind);
  }
}
