package io.tensorbridge.benches.text;

import io.tensorbridge.benches.Units;
import io.tensorbridge.benches.estimate.Estimate;
import io.tensorbridge.benches.sample.Samples.Quantity;
import io.tensorbridge.benches.sample.Samples.Throughput;
import io.tensorbridge.benches.text.RunResults.Benchmark;
import java.util.List;
import java.util.Locale;

/** What tables say of a benchmark, on the terminal and in documents. */
final class Cells {
  private Cells() {}

  static String median(Benchmark benchmark) {
    return Units.format(
        BenchmarkLines.kind(benchmark.quantity()), benchmark.estimates().median().point());
  }

  static String interval(Benchmark benchmark) {
    Estimate median = benchmark.estimates().median();
    return Units.interval(
        BenchmarkLines.kind(benchmark.quantity()), median.low(), median.high());
  }

  /** How many times faster than the yardstick, with its interval; a dash for the yardstick. */
  static String ratio(Benchmark benchmark) {
    if (benchmark.contender().equals(benchmark.yardstick())) {
      return "–";
    }
    Estimate ratio = benchmark.ratio();
    return times(ratio.point()) + "× (" + times(ratio.low()) + " – " + times(ratio.high()) + ")";
  }

  /** Three digits that count, also far below 1. */
  private static String times(double ratio) {
    int decimals = ratio >= 100 ? 0 : ratio >= 10 ? 1 : ratio >= 0.1 ? 2 : ratio >= 0.01 ? 3 : 5;
    return String.format(Locale.ROOT, "%,." + decimals + "f", ratio);
  }

  /** Throughput a second by the median; empty where that says nothing. */
  static String throughput(Benchmark benchmark) {
    Throughput throughput = benchmark.throughput();
    if (throughput == null || benchmark.quantity() != Quantity.TIME) {
      return "";
    }
    Estimate rate = BenchmarkLines.rate(throughput, benchmark.estimates().median());
    return Units.format(Units.rate(throughput.unit()), rate.point());
  }

  /** The median of a further figure; empty where the benchmark has none. */
  static String figure(Benchmark benchmark, String name) {
    Estimate figure = benchmark.estimates().figures().get(name);
    String unit = benchmark.figureUnits().get(name);
    return figure == null || unit == null
        ? ""
        : Units.format(BenchmarkLines.figureKind(unit), figure.point());
  }

  /** What the ratios of these benchmarks, if there are any, are ratios to. */
  static String ratioHead(List<Benchmark> benchmarks) {
    if (benchmarks.isEmpty()) {
      return "";
    }
    List<String> yardsticks = benchmarks.stream().map(Benchmark::yardstick).distinct().toList();
    String what = benchmarks.getFirst().quantity() == Quantity.TIME ? "faster" : "smaller";
    return "times " + what + " than "
        + (yardsticks.size() == 1 ? yardsticks.getFirst() : "the one marked –");
  }
}
