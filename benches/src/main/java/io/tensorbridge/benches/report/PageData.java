package io.tensorbridge.benches.report;

import io.tensorbridge.benches.Json;
import io.tensorbridge.benches.ResultStore.Result;
import io.tensorbridge.benches.Units;
import io.tensorbridge.benches.compare.Comparison;
import io.tensorbridge.benches.estimate.Estimates;
import io.tensorbridge.benches.report.Catalog.Benchmark;
import io.tensorbridge.benches.sample.Samples;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the page carries for its script: all results as they are stored, and what Java computes for
 * charts.
 *
 * @param units units of each kind of number, ascending
 * @param benchmarks at the place that {@link Benchmark#index} names
 */
record PageData(Map<String, List<Units.Step>> units, List<Entry> benchmarks) {

  /**
   * A benchmark.
   *
   * @param shade name of its colour in {@code page.css}
   * @param kind what its values count
   * @param rateKind what its throughput counts, empty without one
   * @param samples as stored
   * @param estimates as stored
   * @param comparison as stored
   * @param density of its samples, null if they don't differ
   * @param before density of the run it is compared with
   */
  record Entry(
      String shade,
      String kind,
      String rateKind,
      Samples samples,
      Estimates estimates,
      @Nullable Comparison comparison,
      @Nullable Density density,
      @Nullable Density before) {}

  static PageData of(Catalog catalog) {
    List<Entry> entries =
        catalog.benchmarks().stream()
            .sorted(Comparator.comparingInt(Benchmark::index))
            .map(PageData::entry)
            .toList();
    Map<String, List<Units.Step>> units = new LinkedHashMap<>();
    for (String kind : List.of(Units.TIME, Units.BYTES, Units.RATIO)) {
      units.put(kind, Units.steps(kind));
    }
    for (Entry entry : entries) {
      units.put(entry.rateKind(), Units.steps(entry.rateKind()));
    }
    return new PageData(units, entries);
  }

  private static Entry entry(Benchmark benchmark) {
    return new Entry(
        Parts.shade(benchmark.contender()),
        benchmark.kind(),
        Parts.rateKind(benchmark),
        benchmark.samples(),
        benchmark.estimates(),
        benchmark.comparison().orElse(null),
        density(benchmark.samples(), benchmark.estimates()).orElse(null),
        benchmark.before().flatMap(PageData::density).orElse(null));
  }

  private static Optional<Density> density(Result result) {
    return density(result.samples(), result.estimates());
  }

  private static Optional<Density> density(Samples samples, Estimates estimates) {
    return Density.of(samples.averages(), estimates.outliers());
  }

  /** JSON that can't end the element it stands in, nor begin a comment. */
  String embedded() {
    return Json.text(this).replace("<", "\\u003c");
  }
}
