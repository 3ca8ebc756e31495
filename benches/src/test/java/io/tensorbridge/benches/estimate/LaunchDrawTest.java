package io.tensorbridge.benches.estimate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class LaunchDrawTest {
  private static final int[] THREE_LAUNCHES = {0, 0, 4, 4, 7, 7};

  @Test
  void drawsAsManySamplesOfEachLaunchAsItHas() {
    SplittableRandom random = new SplittableRandom(1);
    LaunchDraw draw = LaunchDraw.independent(List.of(THREE_LAUNCHES));
    boolean[] missing = new boolean[3];
    for (int i = 0; i < 200; i++) {
      int[] counts = new int[6];
      draw.into(random, counts);
      for (int launch = 0; launch < 3; launch++) {
        int drawn = counts[2 * launch] + counts[2 * launch + 1];
        assertThat(drawn).isIn(0, 2, 4, 6);
        missing[launch] |= drawn == 0;
      }
      assertThat(Arrays.stream(counts).sum()).isEqualTo(6);
    }
    assertThat(missing).containsOnly(true);
  }

  @Test
  void seriesTakenInTurnDrawTheSameLaunches() {
    SplittableRandom random = new SplittableRandom(2);
    LaunchDraw draw = LaunchDraw.inTurn(List.of(THREE_LAUNCHES, THREE_LAUNCHES));
    for (int i = 0; i < 200; i++) {
      int[] counts = new int[12];
      draw.into(random, counts);
      for (int launch = 0; launch < 6; launch += 2) {
        assertThat(counts[6 + launch] + counts[7 + launch])
            .isEqualTo(counts[launch] + counts[launch + 1]);
      }
    }
  }

  @Test
  void seriesOfDifferentRunsDrawTheirOwnLaunches() {
    SplittableRandom random = new SplittableRandom(3);
    LaunchDraw draw = LaunchDraw.independent(List.of(THREE_LAUNCHES, THREE_LAUNCHES));
    int different = 0;
    for (int i = 0; i < 200; i++) {
      int[] counts = new int[12];
      draw.into(random, counts);
      different += counts[0] + counts[1] == counts[6] + counts[7] ? 0 : 1;
    }
    assertThat(different).isPositive();
  }
}
