package io.tensorbridge.benches.text;

import io.tensorbridge.benches.ResultStore.Result;
import io.tensorbridge.benches.compare.Ratios;
import io.tensorbridge.benches.compare.Yardstick;
import io.tensorbridge.benches.estimate.Estimate;
import io.tensorbridge.benches.estimate.Estimates;
import io.tensorbridge.benches.sample.Samples;
import io.tensorbridge.benches.sample.Samples.Figure;
import io.tensorbridge.benches.sample.Samples.Parameter;
import io.tensorbridge.benches.sample.Samples.Quantity;
import io.tensorbridge.benches.sample.Samples.Role;
import io.tensorbridge.benches.sample.Samples.Sampling;
import io.tensorbridge.benches.sample.Samples.Throughput;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * All results of a run without the samples; the content of a {@code results.json}.
 *
 * @param format version of this file format, that of {@link Samples#FORMAT}
 * @param conditions under what the samples were taken, each said once
 * @param benchmarks by family, then by size of the work, then the fastest first
 */
public record RunResults(int format, List<Conditions> conditions, List<Benchmark> benchmarks) {

  /**
   * Under what samples were taken.
   *
   * @param started when the run began, ISO 8601
   * @param tool what took the samples
   * @param options how patient the run was
   * @param environment facts of machine and software
   */
  public record Conditions(
      String started, String tool, Map<String, String> options, Map<String, String> environment) {}

  /**
   * One contender in one group.
   *
   * @param family as in {@link Samples}
   * @param group as in {@link Samples}
   * @param contender as in {@link Samples}
   * @param description as in {@link Samples}
   * @param role as in {@link Samples}
   * @param parameter as in {@link Samples}
   * @param quantity as in {@link Samples}
   * @param throughput as in {@link Samples}
   * @param sampling as in {@link Samples}
   * @param samples how many there were
   * @param launches in how many launches
   * @param figureUnits of the further figures, by name
   * @param conditions which of them
   * @param estimates what the samples say
   * @param yardstick the contender that the group is held against
   * @param ratio how many times faster (or smaller) than the yardstick
   */
  public record Benchmark(
      String family,
      String group,
      String contender,
      String description,
      Role role,
      @Nullable Parameter parameter,
      Quantity quantity,
      @Nullable Throughput throughput,
      Sampling sampling,
      int samples,
      int launches,
      Map<String, String> figureUnits,
      int conditions,
      Estimates estimates,
      String yardstick,
      Estimate ratio) {}

  private static final Comparator<Samples> BY_SIZE =
      Comparator.comparing(Samples::family)
          .thenComparingDouble(
              samples -> samples.parameter() == null ? 0 : samples.parameter().value())
          .thenComparing(Samples::group);

  /**
   * Puts results together.
   *
   * @param results of benchmarks in any order
   * @return in the order of families, sizes and speed
   */
  static RunResults of(List<Result> results) {
    Map<String, List<Result>> groups = new LinkedHashMap<>();
    results.stream()
        .sorted(
            Comparator.comparing(Result::samples, BY_SIZE)
                .thenComparingDouble(result -> result.estimates().median().point())
                .thenComparing(result -> result.samples().contender()))
        .forEach(
            result -> groups
                .computeIfAbsent(result.samples().group(), group -> new ArrayList<>())
                .add(result));
    List<Conditions> conditions = new ArrayList<>(new LinkedHashSet<>(
        groups.values().stream()
            .flatMap(List::stream)
            .map(result -> conditions(result.samples()))
            .toList()));
    List<Benchmark> benchmarks = new ArrayList<>();
    for (List<Result> group : groups.values()) {
      List<Samples> samples = group.stream().map(Result::samples).toList();
      int yardstick = Yardstick.of(samples);
      List<Estimate> ratios =
          Ratios.against(samples, yardstick);
      String name = group.get(yardstick).samples().contender();
      for (int i = 0; i < group.size(); i++) {
        int condition = conditions.indexOf(conditions(group.get(i).samples()));
        benchmarks.add(benchmark(group.get(i), condition, name, ratios.get(i)));
      }
    }
    return new RunResults(Samples.FORMAT, conditions, benchmarks);
  }

  private static Conditions conditions(Samples samples) {
    return new Conditions(
        samples.started(), samples.tool(), samples.options(), samples.environment());
  }

  private static Benchmark benchmark(
      Result result, int conditions, String yardstick, Estimate ratio) {
    Samples samples = result.samples();
    Map<String, String> units = new TreeMap<>();
    for (Map.Entry<String, Figure> figure : samples.figures().entrySet()) {
      units.put(figure.getKey(), figure.getValue().unit());
    }
    return new Benchmark(
        samples.family(),
        samples.group(),
        samples.contender(),
        samples.description(),
        samples.role(),
        samples.parameter(),
        samples.quantity(),
        samples.throughput(),
        samples.sampling(),
        samples.totals().length,
        (int) IntStream.of(samples.launches()).distinct().count(),
        units,
        conditions,
        result.estimates(),
        yardstick,
        ratio);
  }

  /**
   * Benchmarks of a family by group.
   *
   * @param family its name
   * @return groups in the order of the size of their work; none if there is no such family
   */
  Map<String, List<Benchmark>> groups(String family) {
    Map<String, List<Benchmark>> groups = new LinkedHashMap<>();
    for (Benchmark benchmark : benchmarks) {
      if (benchmark.family().equals(family)) {
        groups.computeIfAbsent(benchmark.group(), group -> new ArrayList<>()).add(benchmark);
      }
    }
    return groups;
  }

  /** The names of all families, in their order. */
  List<String> families() {
    return benchmarks.stream().map(Benchmark::family).distinct().toList();
  }
}
