package io.tensorbridge.quantize.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class HqqRuleTest {
  @Test
  void errorsShrinkAsWithThePowersOfTheLibrary() {
    for (float x = 0.1702f; x < 3e38f; x *= 1.0037f) {
      double expected = x - 0.1f * Math.pow(x, -0.3f);
      assertThat((double) HqqRule.shrink(x)).isCloseTo(expected, within(3e-6 * x));
      assertThat(HqqRule.shrink(-x)).isEqualTo(-HqqRule.shrink(x));
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
