package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ExtentTest {
  private static Extent input(long begin, long end) {
    return new Extent(1, begin, end, false);
  }

  private static Extent output(long begin, long end) {
    return new Extent(1, begin, end, true);
  }

  @Test
  void negativeStridesReachBelowTheOffset() {
    TensorType type = new TensorType(DType.F32, Shape.of(3, 2));
    assertThat(Extent.of(5, TensorLayout.strided(type, 100, -16, 4), true))
        .isEqualTo(new Extent(5, 68, 108, true));
  }

  @Test
  void inputsMayOverlapEachOther() {
    assertThatCode(() -> Extent.requireApart(List.of(input(0, 10), input(5, 20), input(0, 10))))
        .doesNotThrowAnyException();
  }

  @Test
  void aLongInputIsSeenBehindShorterOnes() {
    assertThatThrownBy(
        () -> Extent.requireApart(List.of(input(0, 100), input(10, 20), output(50, 60))))
        .isInstanceOfSatisfying(
            ProtocolException.class,
            refused -> assertThat(refused.code()).isEqualTo(ErrorCode.OUTPUT_OVERLAP));
  }

  @Test
  void emptyTensorsOverlapNothing() {
    assertThatCode(() -> Extent.requireApart(List.of(output(0, 64), output(8, 8), output(64, 70))))
        .doesNotThrowAnyException();
  }

  @Test
  void theSweepFindsWhatComparingAllPairsFinds() {
    Random random = new Random(3);
    for (int round = 0; round < 20_000; round++) {
      List<Extent> extents = new ArrayList<>();
      for (int i = random.nextInt(8); i > 0; i--) {
        long begin = random.nextInt(40);
        extents.add(
            new Extent(
                random.nextInt(-1, 2), begin, begin + random.nextInt(8), random.nextBoolean()));
      }
      boolean found = false;
      try {
        Extent.requireApart(extents);
      } catch (ProtocolException overlap) {
        found = true;
      }
      assertThat(found).as("%s", extents).isEqualTo(anyPairOverlaps(extents));
    }
  }

  private static boolean anyPairOverlaps(List<Extent> extents) {
    for (int i = 0; i < extents.size(); i++) {
      for (int k = 0; k < i; k++) {
        Extent a = extents.get(i);
        Extent b = extents.get(k);
        boolean written = a.output() || b.output();
        if (written
            && a.region() == b.region()
            && Math.max(a.begin(), b.begin()) < Math.min(a.end(), b.end())) {
          return true;
        }
      }
    }
    return false;
  }
}
