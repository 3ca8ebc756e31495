package io.tensorbridge.stress;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openjdk.jcstress.Main;

/**
 * Runs all tests of this module under jcstress, for a moment each.
 *
 * <p>{@code -Dtensorbridge.jcstress.millis=N} lets each iteration take longer, and {@code
 * -Dtensorbridge.jcstress.report=FILE} saves what was seen: test, outcome, samples, expectation,
 * description, an outcome a line.
 */
class JcstressIT {
  private static final List<String> TESTS =
      List.of(
          "batch.BatchesStress.BatchesEndAsTheClientLeaves",
          "batch.BatchesStress.EndsOrIsCancelled",
          "batch.BatchesStress.ItemsWaitAsTheClientLeaves",
          "batch.BatchesStress.LastItemsEndOrAreForgotten",
          "batch.BatchesStress.WaitAgainOrAreForgotten",
          "batch.LeaseStress.HoldersOfALeaseSet",
          "batch.LeaseStress.LeaseIsClosedTwice",
          "batch.LeaseStress.UseOrClose",
          "batch.RingStress.ClientSleeps",
          "batch.RingStress.CompletionIsPosted",
          "batch.RingStress.ServerSleeps",
          "batch.RingStress.ServerSleepsWithoutFences",
          "batch.RingStress.SlotIsGivenBack",
          "batch.RingStress.SubmissionIsPublished",
          "op.WorkStress.CancelledAtWork",
          "op.WorkStress.TwoThreadsClaimChunks",
          "op.WorkStress.WorkersAreWoken");

  private static final Pattern TEST = Pattern.compile("\\[(\\w+)] io\\.tensorbridge\\.(\\S+)");
  private static final Pattern OUTCOME =
      Pattern.compile(" +(-?\\d+(?:, -?\\d+)*) +([\\d,]+) +[<>]?[\\d.]+% +(\\w+) +(.*)");

  /** What a test has seen of an outcome. */
  private record Seen(String outcome, long samples, String expected, String description) {}

  @Test
  void nothingForbiddenIsSeen(@TempDir Path folder) throws IOException, InterruptedException {
    Path output = folder.resolve("output.txt");
    int exit = run(folder, output);
    String text = Files.readString(output);
    assertThat(exit).as(text).isZero();
    Map<String, List<Seen>> seen = parse(text);
    assertThat(seen.keySet()).as(text).containsExactlyInAnyOrderElementsOf(TESTS);
    seen.forEach(
        (test, outcomes) -> {
          assertThat(outcomes.stream().mapToLong(Seen::samples).sum()).as(test).isPositive();
          for (Seen each : outcomes) {
            if (each.expected.equals("Forbidden")) {
              assertThat(each.samples).as(test + " " + each.outcome).isZero();
            }
          }
        });
    report(seen);
  }

  private static int run(Path folder, Path output) throws IOException, InterruptedException {
    String flags = "--enable-native-access=ALL-UNNAMED";
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    List<String> command = new ArrayList<>(List.of(java, flags));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(
        List.of("-v", "-m", "quick", "-f", "1", "-fsm", "1", "-sc", "false", "-iters", "2"));
    command.addAll(List.of("-time", System.getProperty("tensorbridge.jcstress.millis", "200")));
    command.addAll(List.of("-r", folder.toString(), "-jvmArgs", flags + " -Xmx512m"));
    return new ProcessBuilder(command)
        .directory(folder.toFile())
        .redirectErrorStream(true)
        .redirectOutput(output.toFile())
        .start()
        .waitFor();
  }

  /** Reads the summary, which tells of each test under a heading of its own. */
  private static Map<String, List<Seen>> parse(String text) {
    Map<String, List<Seen>> tests = new LinkedHashMap<>();
    int summary = text.indexOf("RUN RESULTS:");
    assertThat(summary).as(text).isPositive();
    List<Seen> outcomes = new ArrayList<>();
    for (String line : text.substring(summary).split("\n")) {
      Matcher test = TEST.matcher(line);
      Matcher outcome = OUTCOME.matcher(line);
      if (test.find()) {
        // An interesting test is told of twice.
        outcomes = new ArrayList<>();
        tests.put(test.group(2), outcomes);
      } else if (outcome.matches()) {
        long samples = Long.parseLong(outcome.group(2).replace(",", ""));
        outcomes.add(
            new Seen(outcome.group(1), samples, outcome.group(3), outcome.group(4).strip()));
      }
    }
    return tests;
  }

  private static void report(Map<String, List<Seen>> seen) throws IOException {
    String report = System.getProperty("tensorbridge.jcstress.report", "");
    if (report.isEmpty()) {
      return;
    }
    List<String> lines = new ArrayList<>();
    seen.forEach(
        (test, outcomes) -> outcomes.forEach(
            each -> lines.add(
                String.join(
                    "\t",
                    test,
                    each.outcome,
                    Long.toString(each.samples),
                    each.expected,
                    each.description))));
    Files.write(Path.of(report), lines);
  }
}
