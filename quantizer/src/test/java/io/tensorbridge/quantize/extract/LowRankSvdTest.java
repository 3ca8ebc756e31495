package io.tensorbridge.quantize.extract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tensorbridge.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LowRankSvdTest {
  private final Arena arena = Arena.ofAuto();

  /** A product of random factors whose k-th term has the given weight, as Gaussian as they come. */
  private MemorySegment product(int rows, int columns, double... weights) {
    Random random = new Random(rows * 31L + columns);
    double[] sums = new double[rows * columns];
    for (double weight : weights) {
      double[] left = random.doubles(rows).map(x -> x - 0.5).toArray();
      double[] right = random.doubles(columns).map(x -> x - 0.5).toArray();
      for (int i = 0; i < sums.length; i++) {
        sums[i] += weight * left[i / columns] * right[i % columns];
      }
    }
    MemorySegment matrix = arena.allocate(4L * sums.length, 64);
    for (int i = 0; i < sums.length; i++) {
      matrix.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) sums[i]);
    }
    return matrix;
  }

  private static double largestError(MemorySegment matrix, int rows, int columns, LowRankFit fit) {
    double largest = 0;
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        double sum = 0;
        for (int k = 0; k < fit.rank(); k++) {
          sum +=
              (double) fit.up().segment()
                  .getAtIndex(ValueLayout.JAVA_FLOAT, (long) i * fit.rank() + k)
                  * fit.down().segment().getAtIndex(ValueLayout.JAVA_FLOAT, (long) k * columns + j);
        }
        double value = matrix.getAtIndex(ValueLayout.JAVA_FLOAT, (long) i * columns + j);
        largest = Math.max(largest, Math.abs(value - sum));
      }
    }
    return largest;
  }

  @ParameterizedTest
  @CsvSource({"300,70", "70,300", "5,3", "64,1500", "1,40", "40,1"})
  void aMatrixOfLowRankComesBack(int rows, int columns) {
    MemorySegment matrix = product(rows, columns, 3, 1, 0.5, 0.1);
    LowRankFit fit = LowRankFit.of(matrix, Shape.of(rows, columns), RankLimit.ofRank(16));
    assertThat(fit.error()).isLessThan(1e-5);
    assertThat(largestError(matrix, rows, columns, fit)).isLessThan(2e-6);
  }

  @ParameterizedTest
  @CsvSource({"64,80,1", "80,64,1", "300,70,2", "70,300,5"})
  void rowsOfZerosLeaveNothingToDecompose(int rows, int columns, int changed) {
    MemorySegment matrix = arena.allocate(4L * rows * columns, 64);
    for (int row = 0; row < changed; row++) {
      for (int j = 0; j < columns; j++) {
        long at = (long) row * 7 * columns + j;
        matrix.setAtIndex(ValueLayout.JAVA_FLOAT, at, (j * 5 + row * j % 3) % 16 - 7.5f);
      }
    }
    LowRankFit fit = LowRankFit.of(matrix, Shape.of(rows, columns), RankLimit.ofRank(16));
    assertThat(fit.error()).isLessThan(1e-5);
    assertThat(largestError(matrix, rows, columns, fit)).isLessThan(1e-5);
  }

  @Test
  void energyChoosesTheRank() {
    MemorySegment matrix = product(200, 150, 10, 10, 1, 1, 0.1);
    LowRankFit most = LowRankFit.of(matrix, Shape.of(200, 150), RankLimit.ofEnergy(0.95));
    assertThat(most.rank()).isEqualTo(2);
    assertThat(most.energy()).isGreaterThan(0.95);
    LowRankFit all = LowRankFit.of(matrix, Shape.of(200, 150), RankLimit.ofEnergy(0.9999));
    assertThat(all.rank()).isEqualTo(4);
  }

  @Test
  void manyTermsAreFoundByWideningTheProjection() {
    double[] weights = new double[90];
    Arrays.fill(weights, 1);
    MemorySegment matrix = product(260, 240, weights);
    LowRankFit fit = LowRankFit.of(matrix, Shape.of(260, 240), RankLimit.ofEnergy(0.98));
    assertThat(fit.rank()).isBetween(60, 90);
    assertThat(fit.energy()).isCloseTo(0.98, within(0.01)).isGreaterThanOrEqualTo(0.98);
  }

  @Test
  void factorsOfAConvolutionAreConvolutions() {
    MemorySegment matrix = product(8, 36, 1, 2);
    LowRankFit fit = LowRankFit.of(matrix, Shape.of(8, 4, 3, 3), RankLimit.ofRank(2));
    assertThat(fit.up().shape()).isEqualTo(Shape.of(8, 2, 1, 1));
    assertThat(fit.down().shape()).isEqualTo(Shape.of(2, 4, 3, 3));
  }
}
