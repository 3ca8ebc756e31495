package io.tensorbridge.quantize.model;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.quantize.QuantScheme;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Settings for where a model shall run: the only table of them. */
public enum QualityProfile {
  /** Small devices: the least bits. */
  EDGE(2, 256, 5, 0.65),
  /** One's own machine. */
  LOCAL(4, 128, 10, 0.85),
  /** Servers: the most bits. */
  CLOUD(8, 64, 20, 0.95);

  private final int bits;
  private final int groupElements;
  private final int timeGroups;
  private final double minCosine;

  QualityProfile(int bits, int groupElements, int timeGroups, double minCosine) {
    this.bits = bits;
    this.groupElements = groupElements;
    this.timeGroups = timeGroups;
    this.minCosine = minCosine;
  }

  /**
   * The profile with a name.
   *
   * @param name in any case
   * @return the profile
   * @throws OptionException if there is none; the message names all
   */
  public static QualityProfile parse(String name) {
    List<String> known = new ArrayList<>();
    for (QualityProfile profile : values()) {
      if (profile.toString().equalsIgnoreCase(name.strip())) {
        return profile;
      }
      known.add(profile.toString());
    }
    throw new OptionException(
        ErrorCode.BAD_OPTION,
        "profile",
        "\"" + name + "\" is unknown; known are " + String.join(", ", known));
  }

  /**
   * The scheme of its tensors.
   *
   * @return uniform, with the bits and groups of the profile
   */
  public QuantScheme scheme() {
    return QuantScheme.parse("uniform:bits=" + bits + ",group=" + groupElements);
  }

  /**
   * Bits of a code.
   *
   * @return 2, 4 or 8
   */
  public int bits() {
    return bits;
  }

  /**
   * Elements that share a scale.
   *
   * @return 256, 128 or 64
   */
  public int groupElements() {
    return groupElements;
  }

  /**
   * Groups of timesteps that have parameters of their own where a tensor is quantized by timestep.
   *
   * @return 5, 10 or 20
   */
  public int timeGroups() {
    return timeGroups;
  }

  /**
   * What every tensor must reach.
   *
   * @return the least cosine
   */
  public double minCosine() {
    return minCosine;
  }

  /** The name as users write it. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
