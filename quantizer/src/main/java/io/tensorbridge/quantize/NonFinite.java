package io.tensorbridge.quantize;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import java.util.Locale;

/** What to do with NaN and infinities, which no quantized block can hold. */
public enum NonFinite {
  /** Refuse the tensor and tell the flat C-order index of its first such value. */
  ERROR,
  /**
   * Replace NaN by 0, and an infinity by the value of its sign with the largest finite magnitude of
   * its block or group, so that one stray infinity does not ruin a scale; of a {@link FloatScheme},
   * by the largest finite value of its dtype. A float64 beyond the range of float32 counts as
   * infinite.
   */
  CLIP;

  /**
   * The policy with a name.
   *
   * @param name {@code error} or {@code clip}, in any case
   * @return the policy
   * @throws OptionException {@link ErrorCode#BAD_OPTION} if it is another name
   */
  public static NonFinite parse(String name) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "error" -> ERROR;
      case "clip" -> CLIP;
      default ->
          throw new OptionException(
              ErrorCode.BAD_OPTION,
              "nonfinite",
              "\"" + name + "\" is not possible; take error or clip");
    };
  }
}
