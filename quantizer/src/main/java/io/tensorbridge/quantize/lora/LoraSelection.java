package io.tensorbridge.quantize.lora;

import java.util.List;

/**
 * The adapters that shall be merged into a model.
 *
 * @param adapters in the order in which they are merged
 * @param allowUnmatched whether modules that fit no tensor of the model are left out
 */
public record LoraSelection(List<ScaledAdapter> adapters, boolean allowUnmatched) {
  /** Nothing is merged. */
  public static final LoraSelection NONE = new LoraSelection(List.of(), false);

  /** Keeps its own list. */
  public LoraSelection {
    adapters = List.copyOf(adapters);
  }
}
