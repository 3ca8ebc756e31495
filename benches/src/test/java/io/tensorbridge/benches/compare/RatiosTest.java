package io.tensorbridge.benches.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tensorbridge.benches.SamplesBuilder;
import io.tensorbridge.benches.estimate.Estimate;
import io.tensorbridge.benches.sample.Samples;
import java.util.List;
import org.junit.jupiter.api.Test;

class RatiosTest {
  @Test
  void yardstickIsExactlyOnceAsFast() {
    Samples slow = SamplesBuilder.of(100, 120, 140).build();
    Samples fast = SamplesBuilder.of(10, 11, 12).build();
    List<Estimate> ratios = Ratios.against(List.of(fast, slow), 1);
    assertThat(ratios.get(1)).isEqualTo(new Estimate(1, 1, 1, 0));
    assertThat(ratios.get(0).point()).isCloseTo(120 / 11.0, within(1e-12));
    assertThat(ratios.get(0).low()).isGreaterThanOrEqualTo(100 / 12.0);
    assertThat(ratios.get(0).high()).isLessThanOrEqualTo(140 / 10.0);
  }

  @Test
  void disturbanceOfAWholeLaunchHitsBothSides() {
    // The second launch is ten times slower for everybody: the ratio stays what it was.
    int[] launches = {0, 0, 1, 1};
    Samples slow = SamplesBuilder.of(100, 100, 1000, 1000).launches(launches).build();
    Samples fast = SamplesBuilder.of(50, 50, 500, 500).launches(launches).build();
    Estimate ratio = Ratios.against(List.of(slow, fast), 0).get(1);
    assertThat(ratio.low()).isCloseTo(2, within(1e-12));
    assertThat(ratio.high()).isCloseTo(2, within(1e-12));
  }
}
