package io.tensorbridge.quantize.model;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import java.util.Collection;
import java.util.Locale;

/** Which kind of model decides what stays as it is. */
public enum KeepingPolicy {
  /** None: only the lists of {@link SkipList} count. */
  NONE,
  /** A ControlNet: its {@linkplain ControlNetPart parts} stay in their own dtype. */
  CONTROLNET,
  /** What the names of the tensors tell, unless the default lists are put aside as well. */
  AUTO;

  /**
   * Reads a name.
   *
   * @param text {@code none}, {@code controlnet} or {@code auto}, in any case
   * @return the policy
   * @throws OptionException if it is another name
   */
  public static KeepingPolicy parse(String text) {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "none" -> NONE;
      case "controlnet" -> CONTROLNET;
      case "auto" -> AUTO;
      default ->
          throw new OptionException(
              ErrorCode.BAD_OPTION,
              "policy",
              "\"" + text + "\" is unknown; none, controlnet and auto are known");
    };
  }

  /** The policy for a file, never {@link #AUTO}. */
  KeepingPolicy of(Collection<String> names, SkipList skips) {
    return switch (this) {
      case NONE, CONTROLNET -> this;
      case AUTO -> skips.defaults() && ControlNetPart.recognisedIn(names) ? CONTROLNET : NONE;
    };
  }

  /** Why a tensor of two or more dimensions stays as it is, or nothing. */
  String reason(String name) {
    return switch (this) {
      case NONE, AUTO -> "";
      case CONTROLNET ->
          ControlNetPart.of(name).map(part -> "kept: " + part + " of a ControlNet").orElse("");
    };
  }
}
