package io.tensorbridge.quantize.model;

import io.tensorbridge.quantize.NonFinite;
import io.tensorbridge.quantize.QuantScheme;
import java.util.List;

/**
 * How a model is to be quantized.
 *
 * @param scheme for tensors of two or more dimensions that no override matches
 * @param overrides of which the first that matches a tensor's name decides, also for tensors of one
 *     dimension
 * @param nonFinite what to do with NaN and infinities
 * @param continueOnError whether tensors that fail are left out, instead of ending the conversion
 */
public record ConversionOptions(
    QuantScheme scheme,
    List<SchemeOverride> overrides,
    NonFinite nonFinite,
    boolean continueOnError) {
  /** Keeps its own list. */
  public ConversionOptions {
    overrides = List.copyOf(overrides);
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
}
