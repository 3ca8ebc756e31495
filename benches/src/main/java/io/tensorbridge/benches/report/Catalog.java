package io.tensorbridge.benches.report;

import io.tensorbridge.benches.ResultStore;
import io.tensorbridge.benches.ResultStore.Result;
import io.tensorbridge.benches.Units;
import io.tensorbridge.benches.compare.Comparison;
import io.tensorbridge.benches.compare.Yardstick;
import io.tensorbridge.benches.estimate.Estimate;
import io.tensorbridge.benches.estimate.Estimates;
import io.tensorbridge.benches.sample.Samples;
import io.tensorbridge.benches.sample.Samples.Parameter;
import io.tensorbridge.benches.sample.Samples.Quantity;
import io.tensorbridge.benches.sample.Samples.Role;
import io.tensorbridge.benches.sample.Samples.Throughput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * All results of a store, in the order in which the report shows them.
 *
 * @param families by name
 */
record Catalog(List<Family> families) {

  /**
   * One way to do the work, with the looks that it has in all charts of its family.
   *
   * @param name for example {@code born_shared}
   * @param role whose way it is; gives colour family and symbol
   * @param shade which of the role's colours
   */
  record Contender(String name, Role role, int shade) {}

  /**
   * Groups that differ in size only.
   *
   * @param name for example {@code numpy}
   * @param groups in the order of their size, or else of their names
   */
  record Family(String name, List<Group> groups) {
    List<Benchmark> benchmarks() {
      return groups.stream().flatMap(group -> group.benchmarks().stream()).toList();
    }

    /** Whether sizes order the groups, so that a line over them means something. */
    boolean hasSizes() {
      List<Optional<Parameter>> sizes = groups.stream().map(Group::parameter).toList();
      return sizes.stream().allMatch(Optional::isPresent)
          && sizes.stream().map(size -> size.get().name()).distinct().count() == 1
          && sizes.stream().map(size -> size.get().value()).distinct().count() > 1;
    }

    /** Kernels are known by their bandwidth, not by the time that some size takes. */
    boolean isKernels() {
      return name.startsWith("kernels");
    }

    List<Contender> contenders() {
      return benchmarks().stream()
          .map(Benchmark::contender)
          .distinct()
          .sorted(Comparator.comparing(Contender::role).thenComparingInt(Contender::shade))
          .toList();
    }
  }

  /**
   * The same work, done by several contenders.
   *
   * @param name for example {@code numpy_4mb}
   * @param benchmarks fastest (or smallest) first
   */
  record Group(String name, List<Benchmark> benchmarks) {
    Optional<Parameter> parameter() {
      return Optional.ofNullable(benchmarks.getFirst().samples().parameter());
    }

    Optional<String> size() {
      return parameter()
          .map(
              parameter -> parameter.unit().isEmpty()
                  ? Units.size("", parameter.value()) + " " + parameter.name()
                  : Units.size(parameter.unit(), parameter.value()));
    }

    /** What the others are held against. */
    Benchmark yardstick() {
      return benchmarks.get(Yardstick.of(benchmarks.stream().map(Benchmark::samples).toList()));
    }
  }

  /**
   * One contender in one group.
   *
   * @param index its place in the page's data
   * @param contender the way it is done
   * @param samples what was measured
   * @param estimates what that says
   * @param comparison against an earlier run, if there was one
   * @param before that earlier run, if it is still stored
   */
  record Benchmark(
      int index,
      Contender contender,
      Samples samples,
      Estimates estimates,
      Optional<Comparison> comparison,
      Optional<Result> before) {

    /** The kind of its values, for {@link Units}. */
    String kind() {
      return kind(samples.quantity());
    }

    static String kind(Quantity quantity) {
      return switch (quantity) {
        case TIME -> Units.TIME;
        case MEMORY -> Units.BYTES;
      };
    }

    double median() {
      return estimates.median().point();
    }

    Optional<Throughput> throughput() {
      return samples.quantity() == Quantity.TIME
          ? Optional.ofNullable(samples.throughput())
          : Optional.empty();
    }

    /** Throughput a second by the median; the interval's ends change places. */
    Optional<Estimate> rate() {
      Estimate time = estimates.median();
      return throughput()
          .map(
              throughput -> {
                double amount = throughput.amount() * 1e9;
                return new Estimate(
                    amount / time.point(), amount / time.high(), amount / time.low(), Double.NaN);
              });
    }
  }

  /**
   * Reads the last run of every benchmark.
   *
   * @param store where they lie
   * @return all of them
   * @throws IOException if a file can't be read
   */
  static Catalog read(ResultStore store) throws IOException {
    Map<String, List<Result>> families = new TreeMap<>();
    for (String id : store.ids()) {
      Optional<Result> result = store.read(id, ResultStore.NEW);
      if (result.isPresent()) {
        families
            .computeIfAbsent(result.get().samples().family(), name -> new ArrayList<>())
            .add(result.get());
      }
    }
    List<Family> read = new ArrayList<>();
    int index = 0;
    for (Map.Entry<String, List<Result>> family : families.entrySet()) {
      Map<String, Contender> contenders = contenders(family.getValue());
      Map<String, List<Benchmark>> groups = new LinkedHashMap<>();
      for (Result result : family.getValue()) {
        Samples samples = result.samples();
        Contender contender = Objects.requireNonNull(contenders.get(samples.contender()));
        Benchmark benchmark =
            new Benchmark(
                index++,
                contender,
                samples,
                result.estimates(),
                result.comparison(),
                before(store, result));
        groups.computeIfAbsent(samples.group(), name -> new ArrayList<>()).add(benchmark);
      }
      read.add(new Family(family.getKey(), inOrder(groups)));
    }
    return new Catalog(read);
  }

  private static Optional<Result> before(ResultStore store, Result result) throws IOException {
    Optional<Comparison> comparison = result.comparison();
    return comparison.isPresent()
        ? store.read(result.samples().id(), comparison.get().baseline())
        : Optional.empty();
  }

  private static Map<String, Contender> contenders(List<Result> results) {
    Map<Role, TreeSet<String>> names = new EnumMap<>(Role.class);
    for (Result result : results) {
      names
          .computeIfAbsent(result.samples().role(), role -> new TreeSet<>())
          .add(result.samples().contender());
    }
    Map<String, Contender> contenders = new LinkedHashMap<>();
    names.forEach(
        (role, ofRole) -> {
          int shade = 0;
          for (String name : ofRole) {
            contenders.put(name, new Contender(name, role, shade++));
          }
        });
    return contenders;
  }

  private static List<Group> inOrder(Map<String, List<Benchmark>> groups) {
    Comparator<Group> bySize =
        Comparator.comparing(group -> group.parameter().map(Parameter::value).orElse(0.0));
    return groups.entrySet().stream()
        .map(
            group -> new Group(
                group.getKey(),
                group.getValue().stream()
                    .sorted(Comparator.comparingDouble(Benchmark::median))
                    .toList()))
        .sorted(bySize.thenComparing(Group::name))
        .collect(Collectors.toList());
  }

  List<Benchmark> benchmarks() {
    return families.stream().flatMap(family -> family.benchmarks().stream()).toList();
  }
}
