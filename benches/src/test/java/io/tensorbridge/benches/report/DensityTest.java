package io.tensorbridge.benches.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tensorbridge.benches.estimate.Outliers;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DensityTest {
  private static final Outliers OPEN =
      new Outliers(
          0, 0, 0, 0, Double.NEGATIVE_INFINITY, Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY,
          Double.POSITIVE_INFINITY);

  @Test
  void bandwidth_is_Silvermans_rule_of_thumb() {
    // Standard deviation sqrt(2.5) = 1.58, quartiles 2 and 4: the smaller spread is 2 / 1.34.
    assertThat(Density.bandwidth(new double[]{5, 1, 4, 2, 3}))
        .isCloseTo(0.9 * 2 / 1.34 * Math.pow(5, -0.2), within(1e-12));
    // Quartiles that agree say nothing: the standard deviation does.
    assertThat(Density.bandwidth(new double[]{1, 1, 1, 1, 1, 1, 1, 9}))
        .isCloseTo(0.9 * Math.sqrt(8) * Math.pow(8, -0.2), within(1e-12));
  }

  @Test
  void one_sample_alone_is_the_normal_density() {
    double peak = 1 / (0.5 * Math.sqrt(2 * Math.PI));
    assertThat(Density.at(3, new double[]{3}, 0.5)).isCloseTo(peak, within(1e-12));
    assertThat(Density.at(3.5, new double[]{3}, 0.5))
        .isCloseTo(peak * Math.exp(-0.5), within(1e-12));
  }

  @Test
  void two_samples_are_the_mean_of_two_normal_densities() {
    double[] samples = {-1, 1};
    double apart = Math.exp(-0.5) / Math.sqrt(2 * Math.PI);
    assertThat(Density.at(0, samples, 1)).isCloseTo(apart, within(1e-12));
  }

  @Test
  void the_grid_holds_nearly_all_probability() {
    Random random = new Random(7);
    double[] samples = random.doubles(200, 10, 20).toArray();
    Density density = Density.of(samples, OPEN).orElseThrow();
    double step = (density.high() - density.low()) / (density.values().length - 1);
    assertThat(Arrays.stream(density.values()).sum() * step).isCloseTo(1, within(0.002));
    assertThat(density.beyond(samples)).isEmpty();
  }

  @Test
  void far_outliers_are_left_out_of_the_grid_and_named() {
    double[] samples = {
        1000, 10, 11, 12, 13, 14, 10, 11, 12, 13, 14, 10, 11, 12, 13, 14, 10, 11, 12, 13, 14, 2000
    };
    Outliers fences = new Outliers(0, 0, 0, 2, 1, 5, 19, 23);
    Density density = Density.of(samples, fences).orElseThrow();
    assertThat(density.low()).isBetween(0.0, 10.0);
    assertThat(density.high()).isBetween(14.0, 1000.0);
    assertThat(density.beyond(samples)).isEqualTo(new double[]{1000, 2000});
  }

  @Test
  void samples_that_do_not_differ_have_no_density() {
    assertThat(Density.of(new double[]{4}, OPEN)).isEmpty();
    assertThat(Density.of(new double[]{4, 4, 4}, OPEN)).isEmpty();
  }
}
