package io.tensorbridge.benches;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class UnitsTest {
  @Test
  void times_have_the_unit_that_fits() {
    assertThat(Units.format(Units.TIME, 0.25)).isEqualTo("250.0 ps");
    assertThat(Units.format(Units.TIME, 0)).isEqualTo("0.000 ns");
    assertThat(Units.format(Units.TIME, 84_123)).isEqualTo("84.12 µs");
    assertThat(Units.format(Units.TIME, 2.9e9)).isEqualTo("2.900 s");
    assertThat(Units.format(Units.TIME, 4.1e12)).isEqualTo("4,100 s");
    assertThat(Units.format(Units.TIME, Double.NaN)).isEqualTo("–");
  }

  @Test
  void memory_is_binary_and_bandwidth_decimal() {
    assertThat(Units.format(Units.BYTES, 3 << 20)).isEqualTo("3.000 MiB");
    assertThat(Units.format(Units.rate("bytes"), 13.5e9)).isEqualTo("13.50 GB/s");
    assertThat(Units.format(Units.rate("layers"), 423_500)).isEqualTo("423.5 k layers/s");
    assertThat(Units.format(Units.RATIO, 0.312)).isEqualTo("31.20 %");
  }

  @Test
  void both_ends_of_an_interval_have_one_unit() {
    assertThat(Units.interval(Units.TIME, 979_000, 1_016_000)).isEqualTo("0.979 – 1.016 ms");
  }

  @Test
  void sizes_stay_as_chosen() {
    assertThat(Units.size("bytes", 4 << 20)).isEqualTo("4 MiB");
    assertThat(Units.size("bytes", 4_000_000)).isEqualTo("4 MB");
    assertThat(Units.size("", 1000)).isEqualTo("1000");
  }

  @Test
  void changes_have_a_sign() {
    assertThat(Units.change(-0.083)).isEqualTo("−8.3%");
    assertThat(Units.change(0.004)).isEqualTo("+0.40%");
  }
}
