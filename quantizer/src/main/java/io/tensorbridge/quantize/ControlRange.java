package io.tensorbridge.quantize;

/**
 * The part of a diffusion in which a ControlNet takes part, as diffusers has it ({@code
 * control_guidance_start}, {@code control_guidance_end}).
 *
 * @param start the share of the steps before it begins, 0 to begin with the first
 * @param end the share of the steps at which it ends, 1 to end with the last
 */
public record ControlRange(double start, double end) {
  /** All steps. */
  public static final ControlRange ALL = new ControlRange(0, 1);

  /** Refuses what is no range. */
  public ControlRange {
    if (!(start >= 0 && start < end && end <= 1)) {
      throw new IllegalArgumentException(
          "a range from " + start + " to " + end + "; it must be 0 <= start < end <= 1");
    }
  }

  /**
   * Whether the ControlNet takes part in a step: {@code not (step / steps < start or (step + 1) /
   * steps > end)}.
   *
   * @param step from 0 on
   * @param steps of the whole diffusion
   * @return false if its weight is 0 there
   */
  public boolean contains(int step, int steps) {
    return !((double) step / steps < start || (step + 1.0) / steps > end);
  }

  /**
   * The scales of diffusers' {@code guess_mode}, evenly spaced logarithms from 0.1 to 1: the deeper a
   * residual, the more it counts.
   *
   * @param residuals their number, 13 for SD 1.5
   * @return a scale for each, to be multiplied into its weights
   */
  public static double[] guessScales(int residuals) {
    double[] scales = new double[residuals];
    for (int i = 0; i < residuals; i++) {
      scales[i] = residuals == 1 ? 0.1 : Math.pow(10, (double) i / (residuals - 1) - 1);
    }
    return scales;
  }
}
