package io.tensorbridge.quantize.lora;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a tensor of an adapter is.
 *
 * @param module the module that it belongs to
 * @param role its part of it
 * @param format whose way of naming it is
 */
record LoraPart(String module, Role role, Naming format) {
  /** The parts of a module. */
  enum Role {
    DOWN, UP, MID, ALPHA, MAGNITUDE
  }

  /** Who writes such a name; alphas are named alike by all. */
  enum Naming {
    KOHYA, PEFT, EITHER
  }

  /** {@code lora_A.weight}, {@code lora_A.NAME.weight}, and diffusers' older {@code lora.down}. */
  private static final Pattern PEFT_FACTOR =
      Pattern.compile("(.+)\\.(lora_[AB](?:\\.[^.]+)?|lora\\.(?:down|up))\\.weight");

  private static final Pattern PEFT_MAGNITUDE =
      Pattern.compile("(.+)\\.lora_magnitude_vector(?:\\.[^.]+){0,2}");

  private static final Pattern KOHYA_FACTOR =
      Pattern.compile("(.+)\\.lora_(down|up|mid)\\.weight");

  private static final Pattern REST = Pattern.compile("(.+)\\.(alpha|dora_scale)");

  /** Tells by a tensor's name; empty if it belongs to no LoRA. */
  static Optional<LoraPart> of(String name) {
    Matcher kohya = KOHYA_FACTOR.matcher(name);
    if (kohya.matches()) {
      Role role = switch (kohya.group(2)) {
        case "down" -> Role.DOWN;
        case "up" -> Role.UP;
        default -> Role.MID;
      };
      return Optional.of(new LoraPart(kohya.group(1), role, Naming.KOHYA));
    }
    Matcher peft = PEFT_FACTOR.matcher(name);
    if (peft.matches()) {
      String factor = peft.group(2);
      boolean down = factor.startsWith("lora_A") || factor.equals("lora.down");
      return Optional.of(
          new LoraPart(peft.group(1), down ? Role.DOWN : Role.UP, Naming.PEFT));
    }
    Matcher magnitude = PEFT_MAGNITUDE.matcher(name);
    if (magnitude.matches()) {
      return Optional.of(new LoraPart(magnitude.group(1), Role.MAGNITUDE, Naming.PEFT));
    }
    Matcher rest = REST.matcher(name);
    if (rest.matches()) {
      boolean alpha = rest.group(2).equals("alpha");
      return Optional.of(
          new LoraPart(
              rest.group(1),
              alpha ? Role.ALPHA : Role.MAGNITUDE,
              alpha ? Naming.EITHER : Naming.KOHYA));
    }
    return Optional.empty();
  }
}
