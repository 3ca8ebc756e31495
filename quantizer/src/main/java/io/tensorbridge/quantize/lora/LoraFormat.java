package io.tensorbridge.quantize.lora;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import java.util.Locale;

/** How an adapter names its tensors. */
public enum LoraFormat {
  /** {@code lora_unet_..._to_q.lora_down.weight}, {@code .lora_up.weight}, {@code .alpha}. */
  KOHYA,
  /** {@code base_model.model....to_q.lora_A.weight}, {@code .lora_B.weight}, and a config. */
  PEFT;

  /**
   * Reads a name.
   *
   * @param text {@code kohya} or {@code peft}, in any case
   * @return the format
   * @throws OptionException if it is neither
   */
  public static LoraFormat parse(String text) {
    for (LoraFormat format : values()) {
      if (format.toString().equals(text.toLowerCase(Locale.ROOT))) {
        return format;
      }
    }
    throw new OptionException(
        ErrorCode.BAD_OPTION, "to",
        "\"" + text + "\" is no format of adapters; kohya and peft are");
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
