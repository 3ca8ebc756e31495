package io.tensorbridge.benches.text;

import io.tensorbridge.benches.ResultStore;
import io.tensorbridge.benches.ResultStore.Result;
import io.tensorbridge.benches.Stage;
import io.tensorbridge.benches.Units;
import io.tensorbridge.benches.compare.Comparison;
import io.tensorbridge.benches.compare.Comparison.Verdict;
import io.tensorbridge.benches.text.RunResults.Benchmark;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import joptsimple.OptionParser;
import joptsimple.OptionSet;
import joptsimple.OptionSpec;
import joptsimple.util.PathConverter;

/** Tells of a whole run: a table for each group, and what changed. */
public final class SummaryStage implements Stage {
  private final OptionParser options = new OptionParser(false);
  private final OptionSpec<Path> storeFolder =
      options.accepts("store").withRequiredArg().withValuesConvertedBy(new PathConverter());
  private final OptionSpec<Void> all = options.accepts("all");
  private final OptionSpec<String> colour = TextOptions.colour(options);

  /** Declares the options. */
  public SummaryStage() {}

  @Override
  public String description() {
    return "tells of the last run: contenders beside one another, and what changed; --all: of every"
        + " benchmark in the store";
  }

  @Override
  public String usage() {
    return "--store DIR [--all] [--colour always|never]";
  }

  @Override
  public OptionParser options() {
    return options;
  }

  @Override
  public int run(OptionSet given, PrintStream out) throws IOException {
    TextOptions.refuseWords(given);
    Colours colours = TextOptions.colours(given, colour);
    List<Result> results =
        stored(new ResultStore(TextOptions.required(given, storeFolder, "--store")));
    if (!given.has(all)) {
      String last =
          results.stream()
              .map(result -> result.samples().started())
              .max(String::compareTo)
              .orElseThrow();
      results.removeIf(result -> !result.samples().started().equals(last));
    }
    RunResults run = RunResults.of(results);
    for (String family : run.families()) {
      run.groups(family).forEach((name, group) -> printGroup(colours, name, group, out));
    }
    printChanges(colours, results, out);
    return 0;
  }

  /**
   * Every benchmark's last result.
   *
   * @throws IOException if there is none, or a file can't be read
   */
  static List<Result> stored(ResultStore store) throws IOException {
    List<Result> results = new ArrayList<>();
    for (String id : store.ids()) {
      store.read(id, ResultStore.NEW).ifPresent(results::add);
    }
    if (results.isEmpty()) {
      throw new IOException(store.root() + " holds no results; run some benchmarks first");
    }
    return results;
  }

  private static void printGroup(
      Colours colours, String name, List<Benchmark> group, PrintStream out) {
    TextTable table =
        new TextTable(
            List.of(
                "contender", "median", "95% interval", Cells.ratioHead(group), "throughput"));
    for (Benchmark benchmark : group) {
      table.add(
          List.of(
              benchmark.contender(),
              Cells.median(benchmark),
              Cells.interval(benchmark),
              group.size() == 1 ? "" : Cells.ratio(benchmark),
              Cells.throughput(benchmark)));
    }
    out.println(colours.bold(name));
    table.forTerminal().forEach(out::println);
    out.println();
  }

  private static void printChanges(Colours colours, List<Result> results, PrintStream out) {
    List<String> counts = new ArrayList<>();
    for (Verdict verdict : Verdict.values()) {
      long count = count(results, verdict);
      counts.add(colours.verdict(verdict, count + " " + words(verdict)));
    }
    long first = results.stream().filter(result -> result.comparison().isEmpty()).count();
    if (first > 0) {
      counts.add(first + " measured for the first time");
    }
    out.println(
        results.size() + (results.size() == 1 ? " benchmark: " : " benchmarks: ")
            + String.join(", ", counts));
    for (Result result : results) {
      result
          .comparison()
          .filter(comparison -> comparison.verdict() == Verdict.REGRESSED)
          .ifPresent(comparison -> out.println(regression(colours, result, comparison)));
    }
  }

  private static String regression(Colours colours, Result result, Comparison comparison) {
    return colours.verdict(
        Verdict.REGRESSED,
        "regressed: " + result.samples().id() + " " + Units.change(comparison.median().point()));
  }

  private static long count(List<Result> results, Verdict verdict) {
    return results.stream()
        .flatMap(result -> result.comparison().stream())
        .filter(comparison -> comparison.verdict() == verdict)
        .count();
  }

  private static String words(Verdict verdict) {
    return switch (verdict) {
      case IMPROVED -> "improved";
      case NO_CHANGE -> "no change";
      case REGRESSED -> "regressed";
    };
  }
}
