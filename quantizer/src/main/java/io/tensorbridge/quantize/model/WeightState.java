package io.tensorbridge.quantize.model;

import io.tensorbridge.quantize.lora.AppliedAdapter;
import java.util.List;

/**
 * What the bytes of a session's weight depend on, beside the base model and the options.
 *
 * @param tensor its name
 * @param applied the adapters that change it, in their order; none of strength 0
 */
record WeightState(String tensor, List<AppliedAdapter> applied) {
  /** Keeps its own list. */
  WeightState {
    applied = List.copyOf(applied);
  }
}
