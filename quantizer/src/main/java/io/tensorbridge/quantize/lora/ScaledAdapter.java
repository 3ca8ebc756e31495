package io.tensorbridge.quantize.lora;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;

/**
 * An adapter and how strongly it is applied.
 *
 * @param adapter the adapter
 * @param scale beside alpha by rank; 1 applies it as it was trained
 */
public record ScaledAdapter(LoraAdapter adapter, double scale) {
  /**
   * Checks the scale.
   *
   * @throws OptionException if it is not finite
   */
  public ScaledAdapter {
    if (!Double.isFinite(scale)) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "lora", "the scale of " + adapter.path() + " is " + scale);
    }
  }
}
