package io.tensorbridge.benches;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.benches.compare.Comparison;
import io.tensorbridge.benches.compare.Comparison.Verdict;
import io.tensorbridge.benches.estimate.Estimates;
import io.tensorbridge.benches.sample.Samples;
import io.tensorbridge.benches.sample.Samples.Role;
import io.tensorbridge.benches.text.RunResults;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every stage alone, on files. */
class MainTest {
  private static final double[] FAST = {10_000, 10_100, 10_200, 10_100};
  private static final double[] FASTER = {9_000, 9_090, 9_180, 9_090};
  private static final double[] SLOWER = {11_500, 11_615, 11_730, 11_615};

  private record Answer(int code, String out, String err) {}

  @TempDir
  Path folder;

  private static Answer run(Object... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    List<String> words = Stream.of(arguments).map(Object::toString).toList();
    int code =
        Main.run(
            words,
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8));
    return new Answer(
        code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  private Path samples(String contender, Role role, String started, double... totals)
      throws IOException {
    Path file = folder.resolve(contender + ".json");
    Json.write(
        file,
        SamplesBuilder.of(totals)
            .named("copy_4mb", contender, role)
            .launches(0, 0, 1, 1)
            .figure("p99", "ns", 1, 2, 3, 4)
            .started(started)
            .build());
    return file;
  }

  private Path samples(double... totals) throws IOException {
    return samples("ours", Role.OURS, "2026-01-01T00:00:00Z", totals);
  }

  private Path store() {
    return folder.resolve("store");
  }

  private Path stored(String run, String file) {
    return store().resolve("copy_4mb/ours").resolve(run).resolve(file);
  }

  @Test
  void unknownStageIsRefusedInOneLine() {
    Answer answer = run("estimat");
    assertThat(answer.code()).isEqualTo(2);
    assertThat(answer.err().lines())
        .singleElement()
        .asString()
        .startsWith("unknown stage \"estimat\"; there are ")
        .contains("estimate, compare, analyze");
  }

  @ParameterizedTest
  @ValueSource(strings = {"estimate", "compare", "analyze", "summary", "export", "document"})
  void unknownOptionIsRefusedInOneLine(String stage) {
    Answer answer = run(stage, "--nonsense");
    assertThat(answer.code()).isEqualTo(2);
    assertThat(answer.err().lines())
        .singleElement()
        .asString()
        .startsWith(stage + ": nonsense is not a recognized option; usage: " + stage);
  }

  @ParameterizedTest
  @ValueSource(strings = {"estimate", "compare", "analyze", "summary", "export", "document"})
  void missingArgumentsAreNamed(String stage) {
    Answer answer = run(stage);
    assertThat(answer.code()).isEqualTo(2);
    assertThat(answer.err()).containsAnyOf("missing", "needed").contains("usage: " + stage);
  }

  @Test
  void estimateWritesEstimates() throws IOException {
    Path output = folder.resolve("out/estimates.json");
    assertThat(run("estimate", samples(FAST), "-o", output).code()).isZero();
    Estimates estimates = Json.read(output, Estimates.class);
    assertThat(estimates.median().point()).isEqualTo(10_100);
    assertThat(estimates.resamples()).isEqualTo(100_000);
  }

  @Test
  void absentFileIsNamed() {
    Answer answer = run("estimate", folder.resolve("none.json"), "-o", folder.resolve("x"));
    assertThat(answer.code()).isEqualTo(1);
    assertThat(answer.err()).isEqualTo("estimate: there is no file " + folder + "/none.json\n");
  }

  @Test
  void compareWritesAComparison() throws IOException {
    Path before = samples(FAST);
    Path after = Files.createDirectory(folder.resolve("after")).resolve("ours.json");
    Json.write(
        after,
        SamplesBuilder.of(SLOWER).named("copy_4mb", "ours", Role.OURS).launches(0, 0, 1, 1)
            .build());
    Path output = folder.resolve("comparison.json");
    assertThat(run("compare", before, after, "-o", output, "--baseline", "old").code()).isZero();
    Comparison comparison = Json.read(output, Comparison.class);
    assertThat(comparison.verdict()).isEqualTo(Verdict.REGRESSED);
    assertThat(comparison.baseline()).isEqualTo("old");
    assertThat(run("compare", before, after, "-o", output, "--noise-threshold", 0.5).code())
        .isZero();
    assertThat(Json.read(output, Comparison.class).verdict()).isEqualTo(Verdict.NO_CHANGE);
  }

  @Test
  void compareRefusesTwoBenchmarks() throws IOException {
    Path one = samples(FAST);
    Path other = samples("legacy", Role.LEGACY, "2026-01-01T00:00:00Z", FAST);
    Answer answer = run("compare", one, other, "-o", folder.resolve("x"));
    assertThat(answer.code()).isEqualTo(2);
    assertThat(answer.err()).contains("copy_4mb/ours").contains("copy_4mb/legacy");
  }

  @Test
  void firstAnalysisHasNothingToCompareWith() throws IOException {
    Answer answer = run("analyze", samples(FAST), "--store", store());
    assertThat(answer.code()).isZero();
    assertThat(answer.out())
        .contains("copy_4mb/ours\n")
        .contains("time:      [10.00 µs  10.10 µs  10.20 µs]")
        .contains("thrpt:     [411.2 GB/s  415.3 GB/s  419.4 GB/s]")
        .contains("p99:       [1.000 ns  2.500 ns  4.000 ns]")
        .doesNotContain("change:");
    assertThat(stored("new", "samples.json")).exists();
    assertThat(stored("new", "comparison.json")).doesNotExist();
    assertThat(stored("base", "samples.json")).doesNotExist();
  }

  @Test
  void slowerRunIsRedAndTheRunBeforeIsKept() throws IOException {
    run("analyze", samples(FAST), "--store", store());
    Answer answer = run("analyze", samples(SLOWER), "--store", store(), "--colour", "always");
    assertThat(answer.out())
        .containsPattern(
            "change: +\\[\\+1[34]\\.\\d% +\\+15\\.0% +\\+1[56]\\.\\d%] \\(p = 0\\.00 < 0\\.05\\)")
        .contains("\u001b[31mPerformance has regressed.");
    assertThat(Json.read(stored("new", "comparison.json"), Comparison.class).baseline())
        .isEqualTo("base");
    assertThat(Json.read(stored("base", "samples.json"), Samples.class).totals())
        .containsExactly(FAST);
    assertThat(Json.read(stored("new", "samples.json"), Samples.class).totals())
        .containsExactly(SLOWER);
  }

  @Test
  void fasterRunIsGreenAndTheSameIsYellow() throws IOException {
    run("analyze", samples(FAST), "--store", store());
    assertThat(run("analyze", samples(FAST), "--store", store(), "--colour", "always").out())
        .contains("\u001b[33mNo change in performance detected.");
    assertThat(run("analyze", samples(FASTER), "--store", store(), "--colour", "always").out())
        .contains("\u001b[32mPerformance has improved.");
    assertThat(run("analyze", samples(FAST), "--store", store()).out())
        .contains("regressed")
        .doesNotContain("\u001b");
  }

  @Test
  void slowdownThatLegacySharesIsTheMachines() throws IOException {
    for (double[] totals : new double[][]{FAST, SLOWER}) {
      Path ours = samples("ours", Role.OURS, "2026-01-01T00:00:00Z", totals);
      Path legacy = samples("legacy", Role.LEGACY, "2026-01-01T00:00:00Z", totals);
      run("analyze", ours, legacy, "--store", store());
    }
    Comparison comparison = Json.read(stored("new", "comparison.json"), Comparison.class);
    assertThat(comparison.verdict()).isEqualTo(Verdict.NO_CHANGE);
    assertThat(comparison.environmentChanges())
        .singleElement()
        .asString()
        .contains("changed by +15.0%");
  }

  @Test
  void savedBaselineStaysWhileRunsGoOn() throws IOException {
    run("analyze", samples(FAST), "--store", store(), "--save-baseline", "before");
    run("analyze", samples(SLOWER), "--store", store());
    Answer answer = run("analyze", samples(SLOWER), "--store", store(), "--baseline", "before");
    assertThat(answer.out()).contains("against before").contains("regressed");
    assertThat(Json.read(stored("before", "samples.json"), Samples.class).totals())
        .containsExactly(FAST);
  }

  @Test
  void savingABaselineAgainComparesWithItFirst() throws IOException {
    run("analyze", samples(FAST), "--store", store(), "--save-baseline", "before");
    Answer answer =
        run("analyze", samples(SLOWER), "--store", store(), "--save-baseline", "before");
    assertThat(answer.out()).contains("against before").contains("regressed");
    assertThat(Json.read(stored("before", "samples.json"), Samples.class).totals())
        .containsExactly(SLOWER);
  }

  @Test
  void absentBaselineIsRefusedBeforeAnythingIsWritten() throws IOException {
    Path ours = samples(FAST);
    Path legacy = samples("legacy", Role.LEGACY, "2026-01-01T00:00:00Z", FAST);
    run("analyze", ours, "--store", store(), "--save-baseline", "before");
    Answer answer = run("analyze", ours, legacy, "--store", store(), "--baseline", "before");
    assertThat(answer.code()).isEqualTo(1);
    assertThat(answer.err())
        .contains("no baseline \"before\" of copy_4mb/legacy;")
        .contains("--save-baseline before");
    assertThat(stored("base", "samples.json")).doesNotExist();
  }

  @ParameterizedTest
  @ValueSource(strings = {"new", "base", "../up", ""})
  void baselineThatCannotBeAFolderIsRefused(String name) throws IOException {
    Answer answer = run("analyze", samples(FAST), "--store", store(), "--save-baseline", name);
    assertThat(answer.code()).isEqualTo(2);
    assertThat(answer.err()).contains("--save-baseline is \"" + name + "\"");
    assertThat(store()).doesNotExist();
  }

  @Test
  void malformedSamplesLeaveTheStoreAsItIs() throws IOException {
    Path good = samples(FAST);
    Path bad = samples("legacy", Role.LEGACY, "2026-01-01T00:00:00Z", 1, 2, Double.NaN, 4);
    Answer answer = run("analyze", good, bad, "--store", store());
    assertThat(answer.code()).isEqualTo(1);
    assertThat(answer.err()).contains(bad + ": totals[2] is NaN");
    assertThat(store()).doesNotExist();
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "-0.1", "NaN"})
  void noiseThresholdThatIsNoShareIsRefused(String threshold) throws IOException {
    Answer answer =
        run("analyze", samples(FAST), "--store", store(), "--noise-threshold=" + threshold);
    assertThat(answer.code()).isEqualTo(2);
    assertThat(answer.err()).contains("0.05 is 5%");
  }

  @Test
  void outliersAreCountedByClass() throws IOException {
    Path file = folder.resolve("outliers.json");
    Json.write(file, SamplesBuilder.of(10, 11, 12, 13, 14, 15, 16, 60, 20, 22).build());
    assertThat(run("analyze", file, "--store", store()).out())
        .contains("Found 1 outlier among 10 measurements (10.00%)\n      1 (10.00%) high severe");
  }

  @Test
  void summaryComparesContendersAndNamesWhatRegressed() throws IOException {
    run("analyze", samples(FAST), "--store", store());
    run(
        "analyze",
        samples("ours", Role.OURS, "2026-01-02T00:00:00Z", SLOWER),
        samples("legacy", Role.LEGACY, "2026-01-02T00:00:00Z", 1e6, 1e6, 1e6, 1e6),
        "--store",
        store());
    Answer answer = run("summary", "--store", store());
    assertThat(answer.code()).isZero();
    assertThat(answer.out())
        .contains("times faster than legacy")
        .containsPattern("ours +11\\.62 µs +11\\.50 – 11\\.73 µs +86\\.1× \\(85\\.3 – 87\\.0\\)")
        .contains(
            "2 benchmarks: 0 improved, 0 no change, 1 regressed, 1 measured for the first time")
        .contains("regressed: copy_4mb/ours +15.0%");
  }

  @Test
  void summaryTellsOfTheLastRunOnlyUnlessAllIsAskedFor() throws IOException {
    run("analyze", samples(FAST), "--store", store());
    run(
        "analyze",
        samples("later", Role.OURS, "2026-01-02T00:00:00Z", FAST),
        "--store",
        store());
    assertThat(run("summary", "--store", store()).out()).contains("1 benchmark:");
    assertThat(run("summary", "--store", store(), "--all").out()).contains("2 benchmarks:");
  }

  @Test
  void emptyStoreHasNothingToSummarizeOrExport() {
    assertThat(run("summary", "--store", store()).err()).contains("holds no results");
    assertThat(run("export", "--store", store(), "-o", folder.resolve("x")).code()).isEqualTo(1);
  }

  private Path exported() throws IOException {
    run(
        "analyze",
        samples(FAST),
        samples("legacy", Role.LEGACY, "2026-01-01T00:00:00Z", 1e6, 1e6, 1e6, 1e6),
        "--store",
        store());
    Path results = folder.resolve("results.json");
    assertThat(run("export", "--store", store(), "-o", results).code()).isZero();
    return results;
  }

  @Test
  void exportHoldsEstimatesAndRatiosButNoSamples() throws IOException {
    RunResults results = Json.read(exported(), RunResults.class);
    assertThat(results.conditions()).hasSize(1);
    assertThat(results.benchmarks()).extracting("contender").containsExactly("ours", "legacy");
    assertThat(results.benchmarks().getFirst().ratio().point()).isEqualTo(1e6 / 10_100);
    assertThat(results.benchmarks().getFirst().yardstick()).isEqualTo("legacy");
    assertThat(results.benchmarks().getFirst().launches()).isEqualTo(2);
  }

  @Test
  void documentIsFilledAndThenUpToDate() throws IOException {
    Path results = exported();
    Path document = folder.resolve("performance.md");
    Files.writeString(
        document,
        """
            # Performance
            <!-- table: copy -->
            stale
            <!-- end -->
            words between
            <!-- table: machine -->
            <!-- end -->
            """);
    Answer stale = run("document", "--results", results, "--check", document);
    assertThat(stale.code()).isEqualTo(1);
    assertThat(stale.out()).contains(document + " has other tables");
    assertThat(document).content().contains("stale");
    assertThat(run("document", "--results", results, document).code()).isZero();
    assertThat(document)
        .content()
        .isEqualTo(
            """
                # Performance
                <!-- table: copy -->
                | work | contender | median | 95% interval | times faster than legacy | throughput | p99 |
                |---|---|---|---|---|---|---|
                | `copy_4mb` | **ours** | 10.10 µs | 10.00 – 10.20 µs | 99.0× (98.0 – 100) | 415.3 GB/s | 2.500 ns |
                |  | legacy | 1.000 ms | 1.000 – 1.000 ms | – | 4.194 GB/s | 2.500 ns |
                <!-- end -->
                words between
                <!-- table: machine -->
                | fact | value |
                |---|---|
                | cores | 2 |
                | sampled by | test 1 |
                | measured | 2026-01-01T00:00:00Z |
                <!-- end -->
                """);
    assertThat(run("document", "--results", results, "--check", document).code()).isZero();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
          "no marks|no line is <!-- table: NAME -->",
          "<!-- table: copy -->|the table copy has no <!-- end --> up to line 1",
          "<!-- end -->|line 1 ends a table that did not begin",
          "<!-- table: other -->\n<!-- end -->|there is no family other, only copy and machine",
      })
  void faultyDocumentIsRefusedAndKept(String textAndMessage) throws IOException {
    String[] parts = textAndMessage.split("\\|");
    Path results = exported();
    Path document = folder.resolve("faulty.md");
    Files.writeString(document, parts[0]);
    Answer answer = run("document", "--results", results, document);
    assertThat(answer.code()).isEqualTo(1);
    assertThat(answer.err()).contains(document + ": ").contains(parts[1]);
    assertThat(document).content().isEqualTo(parts[0]);
  }
}
