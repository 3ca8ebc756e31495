package io.tensorbridge.quantize.lora;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/** How an adapter names its tensors. */
public enum LoraFormat {
  /** {@code lora_unet_..._to_q.lora_down.weight}, {@code .lora_up.weight}, {@code .alpha}. */
  KOHYA,
  /** {@code base_model.model....to_q.lora_A.weight}, {@code .lora_B.weight}, and a config. */
  PEFT,
  /** {@code *.lora.arrow}: a table with a row for each module, as the first Tensorbridge had it. */
  ARROW;

  static final String TABLE_ENDING = ".lora.arrow";

  /**
   * The format that the ending of a file tells.
   *
   * @param file need not exist
   * @return {@link #ARROW}; empty if the names of the tensors tell it
   */
  public static Optional<LoraFormat> ofEnding(Path file) {
    return file.toString().toLowerCase(Locale.ROOT).endsWith(TABLE_ENDING)
        ? Optional.of(ARROW)
        : Optional.empty();
  }

  /**
   * Makes sure that a file of this ending can have this format.
   *
   * @param target need not exist
   * @throws OptionException if one of both is a table and the other is not
   */
  public void requireEnding(Path target) {
    boolean table = ofEnding(target).isPresent();
    if (table != (this == ARROW)) {
      throw new OptionException(
          ErrorCode.BAD_OPTION,
          "output",
          table
              ? target + ": tables of LoRA modules have names of their own, not those of " + this
                  + "; write .safetensors, or ask for " + ARROW
              : target + ": the format " + ARROW + " is that of " + TABLE_ENDING + " files; name it"
                  + " so");
    }
  }

  /**
   * Reads a name.
   *
   * @param text {@code kohya}, {@code peft} or {@code arrow}, in any case
   * @return the format
   * @throws OptionException if it is none of them
   */
  public static LoraFormat parse(String text) {
    for (LoraFormat format : values()) {
      if (format.toString().equals(text.toLowerCase(Locale.ROOT))) {
        return format;
      }
    }
    throw new OptionException(
        ErrorCode.BAD_OPTION, "to",
        "\"" + text + "\" is no format of adapters; kohya, peft and arrow are");
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
