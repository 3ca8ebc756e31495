package io.tensorbridge.quantize.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class HqqRuleTest {
  @Test
  void powersAreThoseOfTheLibrary() {
    for (float x = 0.17f; x < 3e38f; x *= 1.0037f) {
      float expected = (float) Math.pow(x, -0.3);
      assertThat(HqqRule.power(x)).isCloseTo(expected, within(expected * 3e-6f));
      assertThat(HqqRule.power(x) / (float) Math.pow(x, -0.3f)).isCloseTo(1, within(2e-7f));
    }
  }

  @Test
  void smallErrorsShrinkToNothing() {
    assertThat(HqqRule.shrink(0.17f)).isZero();
    assertThat(HqqRule.shrink(-0.1701f)).isZero();
    assertThat(HqqRule.shrink(0.18f)).isCloseTo(0.18f - 0.1f * 1.6727f, within(1e-5f));
    assertThat(HqqRule.shrink(-2f)).isCloseTo(-2 + 0.1f * 0.8123f, within(1e-5f));
  }
}
