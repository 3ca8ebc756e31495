package io.tensorbridge.benches.text;

import io.tensorbridge.benches.ResultStore;
import io.tensorbridge.benches.ResultStore.Result;
import io.tensorbridge.benches.Stage;
import io.tensorbridge.benches.UsageException;
import io.tensorbridge.benches.compare.CompareStage;
import io.tensorbridge.benches.compare.Comparer;
import io.tensorbridge.benches.compare.Comparison;
import io.tensorbridge.benches.compare.SharedChange;
import io.tensorbridge.benches.compare.SharedChange.Member;
import io.tensorbridge.benches.estimate.Estimator;
import io.tensorbridge.benches.sample.Samples;
import io.tensorbridge.benches.sample.SamplesFile;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import joptsimple.NonOptionArgumentSpec;
import joptsimple.OptionParser;
import joptsimple.OptionSet;
import joptsimple.OptionSpec;
import joptsimple.util.PathConverter;

/**
 * Takes samples through estimates and comparison into the store, and tells what came out. Nothing is
 * written unless all samples and the baseline they are to be compared with are there.
 */
public final class AnalyzeStage implements Stage {
  private static final Pattern BASELINE = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");
  private static final Set<String> TAKEN =
      Set.of(ResultStore.NEW, ResultStore.BASE, "report");

  private final OptionParser options = new OptionParser(false);
  private final OptionSpec<Path> storeFolder =
      options.accepts("store").withRequiredArg().withValuesConvertedBy(new PathConverter());
  private final OptionSpec<String> baseline = options.accepts("baseline").withRequiredArg();
  private final OptionSpec<String> saveBaseline =
      options.accepts("save-baseline").withRequiredArg();
  private final OptionSpec<Double> noiseThreshold = CompareStage.noiseThreshold(options);
  private final OptionSpec<String> colour = TextOptions.colour(options);
  private final NonOptionArgumentSpec<Path> files =
      options.nonOptions().withValuesConvertedBy(new PathConverter());

  /** Declares the options. */
  public AnalyzeStage() {}

  @Override
  public String description() {
    return "estimates, compares with the run before or a baseline, stores and tells";
  }

  @Override
  public String usage() {
    return "SAMPLES.json... --store DIR [--baseline NAME | --save-baseline NAME]"
        + " [--noise-threshold 0.05] [--colour always|never]";
  }

  @Override
  public OptionParser options() {
    return options;
  }

  @Override
  public int run(OptionSet given, PrintStream out) throws IOException {
    ResultStore store = new ResultStore(TextOptions.required(given, storeFolder, "--store"));
    if (given.has(baseline) && given.has(saveBaseline)) {
      throw new UsageException("--baseline and --save-baseline exclude one another");
    }
    String against = given.has(baseline) ? name("--baseline", given.valueOf(baseline)) : "";
    String saved =
        given.has(saveBaseline) ? name("--save-baseline", given.valueOf(saveBaseline)) : "";
    Comparer comparer = CompareStage.comparer(given.valueOf(noiseThreshold));
    BenchmarkLines lines = new BenchmarkLines(TextOptions.colours(given, colour));
    List<Samples> all = read(given.valuesOf(files));
    if (!against.isEmpty()) {
      requireBaseline(store, against, all);
    }
    List<Result> results = new ArrayList<>();
    for (Samples samples : all) {
      results.add(analyze(store, comparer, against.isEmpty() ? saved : against, samples));
    }
    for (Result result : judgedInGroups(results)) {
      store.rotate(result.samples().id());
      store.write(ResultStore.NEW, result);
      if (!saved.isEmpty()) {
        store.write(saved, result);
      }
      lines.of(result).forEach(out::println);
      out.println();
    }
    return 0;
  }

  private static String name(String option, String name) {
    if (!BASELINE.matcher(name).matches() || TAKEN.contains(name)) {
      throw new UsageException(
          option + " is \"" + name + "\"; it takes letters, digits, '.', '_' and '-', but none of "
              + String.join(", ", TAKEN.stream().sorted().toList()));
    }
    return name;
  }

  private static List<Samples> read(List<Path> files) throws IOException {
    if (files.isEmpty()) {
      throw new UsageException("files of samples are missing");
    }
    List<Samples> all = new ArrayList<>();
    Set<String> ids = new HashSet<>();
    for (Path file : files) {
      Samples samples = SamplesFile.read(file);
      if (!ids.add(samples.id())) {
        throw new UsageException(file + " has samples of " + samples.id() + " again");
      }
      all.add(samples);
    }
    return all;
  }

  private static void requireBaseline(ResultStore store, String name, List<Samples> all)
      throws IOException {
    List<String> missing = new ArrayList<>();
    for (Samples samples : all) {
      if (store.read(samples.id(), name).isEmpty()) {
        missing.add(samples.id());
      }
    }
    if (!missing.isEmpty()) {
      throw new IOException(
          "there is no baseline \"" + name + "\" of " + String.join(", ", missing)
              + "; make one with --save-baseline " + name);
    }
  }

  /** Compares with the named run, or else with the last one, which is still {@code new}. */
  private static Result analyze(
      ResultStore store, Comparer comparer, String name, Samples samples) throws IOException {
    Optional<Result> named =
        name.isEmpty() ? Optional.empty() : store.read(samples.id(), name);
    Optional<Result> earlier =
        named.isPresent() ? named : store.read(samples.id(), ResultStore.NEW);
    Optional<Comparison> comparison = Optional.empty();
    if (earlier.isPresent()) {
      String label = named.isPresent() ? name : ResultStore.BASE;
      comparison = Optional.of(comparer.compare(label, earlier.get().samples(), samples));
    }
    return new Result(samples, Estimator.estimate(samples), comparison);
  }

  private static List<Result> judgedInGroups(List<Result> results) {
    List<Result> judged = new ArrayList<>(results);
    Map<String, List<Integer>> groups = new LinkedHashMap<>();
    for (int i = 0; i < results.size(); i++) {
      if (results.get(i).comparison().isPresent()) {
        groups
            .computeIfAbsent(results.get(i).samples().group(), name -> new ArrayList<>())
            .add(i);
      }
    }
    for (List<Integer> group : groups.values()) {
      List<Comparison> comparisons =
          SharedChange.discounted(group.stream().flatMap(i -> member(results.get(i))).toList());
      for (int i = 0; i < comparisons.size(); i++) {
        Result result = results.get(group.get(i));
        judged.set(
            group.get(i),
            new Result(result.samples(), result.estimates(), Optional.of(comparisons.get(i))));
      }
    }
    return judged;
  }

  private static Stream<Member> member(Result result) {
    return result.comparison().stream()
        .map(comparison -> new Member(result.samples().role(), comparison));
  }
}
