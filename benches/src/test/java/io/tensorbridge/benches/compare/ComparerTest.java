package io.tensorbridge.benches.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tensorbridge.benches.SamplesBuilder;
import io.tensorbridge.benches.compare.Comparison.Verdict;
import io.tensorbridge.benches.sample.Samples;
import io.tensorbridge.benches.sample.Samples.Quantity;
import java.io.IOException;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ComparerTest {
  private static final int BENCHMARKS = 300;
  private static final Comparer QUICK = new Comparer(Comparer.NOISE_THRESHOLD, 2000);

  /**
   * A benchmark on a machine: noise that only ever adds, some samples far out, a drift within the run,
   * launches that differ, and some that met a busy neighbour.
   *
   * @param launches how many
   * @param perLaunch samples of each
   * @param spread standard deviation of launches, relative
   * @param drift how much slower the run's end is
   * @param busy how often a launch meets a neighbour that makes it 20% slower on average
   */
  private record Machine(int launches, int perLaunch, double spread, double drift, double busy) {
    Samples run(Random random, double nanos) {
      int count = launches * perLaunch;
      double[] totals = new double[count];
      int[] numbers = new int[count];
      for (int launch = 0; launch < launches; launch++) {
        double offset = Math.exp(spread * random.nextGaussian());
        if (random.nextDouble() < busy) {
          offset *= 1 - 0.2 * Math.log(1 - random.nextDouble());
        }
        for (int j = 0; j < perLaunch; j++) {
          int i = launch * perLaunch + j;
          double noise = 1 - 0.03 * Math.log(1 - random.nextDouble());
          if (random.nextDouble() < 0.03) {
            noise *= Math.pow(1 - random.nextDouble(), -0.5);
          }
          totals[i] = nanos * offset * noise * (1 + drift * i / count);
          numbers[i] = launch;
        }
      }
      return SamplesBuilder.of(totals).launches(numbers).build();
    }

    double flagged(double change, Verdict verdict) throws IOException {
      Random random = new Random(42);
      int flagged = 0;
      for (int i = 0; i < BENCHMARKS; i++) {
        Samples before = run(random, 1000);
        Samples after = run(random, 1000 * (1 + change));
        flagged += QUICK.compare("base", before, after).verdict() == verdict ? 1 : 0;
      }
      return flagged / (double) BENCHMARKS;
    }
  }

  @ParameterizedTest(name = "{0} launches of {1}, spread {2}, drift {3}, busy {4}")
  @CsvSource({
      "3, 33, 0.00, 0.00, 0.00, 1.00",
      "3, 33, 0.01, 0.00, 0.00, 0.97",
      "3, 33, 0.01, 0.02, 0.00, 0.97",
      "3, 33, 0.02, 0.02, 0.00, 0.70",
      "2, 15, 0.01, 0.00, 0.00, 0.90",
      "1, 10, 0.01, 0.00, 0.00, 0.60",
  })
  void slowdownsOfTenPercentAreFlaggedAndThoseOfOneAreNot(
      int launches, int perLaunch, double spread, double drift, double busy, double power)
      throws IOException {
    Machine machine = new Machine(launches, perLaunch, spread, drift, busy);
    assertThat(machine.flagged(0.10, Verdict.REGRESSED)).isGreaterThanOrEqualTo(power);
    assertThat(machine.flagged(-0.10, Verdict.IMPROVED)).isGreaterThanOrEqualTo(power * 0.9);
    assertThat(machine.flagged(0.01, Verdict.NO_CHANGE)).isGreaterThanOrEqualTo(0.95);
  }

  @ParameterizedTest(name = "{0} launches of {1}, spread {2}, drift {3}, busy {4}")
  @CsvSource({
      "3, 33, 0.00, 0.00, 0.00",
      "3, 33, 0.02, 0.03, 0.00",
      "3, 33, 0.05, 0.00, 0.00",
      "3, 33, 0.02, 0.00, 0.25",
      "2, 15, 0.02, 0.03, 0.00",
      "2, 15, 0.02, 0.00, 0.15",
      "2, 2, 0.02, 0.00, 0.10",
      "1, 10, 0.02, 0.03, 0.00",
  })
  void unchangedBenchmarksAreHardlyFlagged(
      int launches, int perLaunch, double spread, double drift, double busy) throws IOException {
    Machine machine = new Machine(launches, perLaunch, spread, drift, busy);
    assertThat(machine.flagged(0, Verdict.NO_CHANGE)).isGreaterThanOrEqualTo(0.95);
  }

  @Test
  void constantOffsetIsTheChange() throws IOException {
    Samples before = SamplesBuilder.of(100, 100, 100, 100).launches(0, 0, 1, 1).build();
    Samples slower = SamplesBuilder.of(110, 110, 110, 110).launches(0, 0, 1, 1).build();
    Comparison comparison = new Comparer(0.05).compare("base", before, slower);
    assertThat(comparison.median().point()).isCloseTo(0.1, within(1e-12));
    assertThat(comparison.median().low()).isCloseTo(0.1, within(1e-12));
    assertThat(comparison.median().high()).isCloseTo(0.1, within(1e-12));
    assertThat(comparison.verdict()).isEqualTo(Verdict.REGRESSED);
    assertThat(new Comparer(0.05).compare("base", slower, before).verdict())
        .isEqualTo(Verdict.IMPROVED);
    assertThat(new Comparer(0.15).compare("base", before, slower).verdict())
        .isEqualTo(Verdict.NO_CHANGE);
  }

  @Test
  void sameSamplesDidNotChange() throws IOException {
    Samples samples = SamplesBuilder.of(3, 1, 2, 5, 4, 6).launches(0, 0, 1, 1, 2, 2).build();
    Comparison comparison = new Comparer(0.05).compare("base", samples, samples);
    assertThat(comparison.median().point()).isZero();
    assertThat(comparison.pValue()).isCloseTo(1, within(1e-12));
    assertThat(comparison.environmentChanges()).isEmpty();
  }

  @Test
  void pValueIsThatOfTheModeratedTest() {
    // Logs 0 and 0 against 0.1 and 0.1: variance 4 * 0.02² / 6, error its root (1/2 + 1/2), 6 degrees.
    double[] before = {1, 1};
    double[] after = {Math.exp(0.1), Math.exp(0.1)};
    int[] launches = {0, 1};
    // scipy.stats.t.sf(0.1 / sqrt(0.0016 / 6), 6) * 2
    assertThat(ModeratedT.pValue(before, launches, after, launches))
        .isCloseTo(0.0008663433398814735, within(1e-9));
  }

  @Test
  void growthFromNothingIsFlagged() throws IOException {
    Samples before = SamplesBuilder.of(0, 0, 0).quantity(Quantity.MEMORY).build();
    Samples after = SamplesBuilder.of(9e6, 9e6, 9e6).quantity(Quantity.MEMORY).build();
    assertThat(new Comparer(0.05).compare("base", before, after).verdict())
        .isEqualTo(Verdict.REGRESSED);
    assertThat(new Comparer(0.05).compare("base", before, before).verdict())
        .isEqualTo(Verdict.NO_CHANGE);
  }

  @Test
  void otherMachineIsNoted() throws IOException {
    Samples before = SamplesBuilder.of(1).environment(Map.of("cores", "2", "CPU", "a")).build();
    Samples after = SamplesBuilder.of(1).environment(Map.of("cores", "4", "CPU", "a")).build();
    assertThat(new Comparer(0.05).compare("base", before, after).environmentChanges())
        .containsExactly("cores is 4, it was 2.");
  }

  @Test
  void timeIsNotComparedWithMemory() {
    Samples before = SamplesBuilder.of(1).quantity(Quantity.MEMORY).build();
    Samples after = SamplesBuilder.of(1).build();
    assertThatThrownBy(() -> new Comparer(0.05).compare("old", before, after))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("copy_4mb/ours measures TIME, the run \"old\" measured MEMORY");
  }
}
