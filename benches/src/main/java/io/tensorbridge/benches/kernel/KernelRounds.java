package io.tensorbridge.benches.kernel;

import com.fasterxml.jackson.databind.JsonNode;
import io.tensorbridge.benches.Json;
import io.tensorbridge.benches.kernel.Subject.Kernel;
import io.tensorbridge.benches.sample.JmhResults;
import io.tensorbridge.benches.sample.Samples;
import io.tensorbridge.quantize.internal.kernel.KernelPolicy;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.runner.CompilerHints;

/**
 * Measures kernels in rounds and writes samples.
 *
 * <p>Each round starts {@link KernelFork} once for each subject, every other round in reverse order,
 * so that a machine that grows slower favours nobody.
 */
final class KernelRounds {
  private static final List<String> JVM_FLAGS =
      List.of(
          "--add-modules=jdk.incubator.vector",
          "--enable-native-access=ALL-UNNAMED",
          "-XX:-UsePerfData",
          "-XX:+UseSerialGC",
          "-Xmx512m",
          // Values, codes and decoded values, 512 MiB each at the most.
          "-XX:MaxDirectMemorySize=2g",
          // JMH's own use of sun.misc.Unsafe.
          "--sun-misc-unsafe-memory-access=allow",
          // Whoever runs several at once gets what they deserve, not a refusal.
          "-Djmh.ignoreLock=true");

  private static final long LONGEST_FORK_MINUTES = 10;

  private final KernelOptions options;
  private final Payload payload;
  private final Map<Subject, List<String>> subjects = new LinkedHashMap<>();
  private final PrintStream err;
  private final List<String> failures = new ArrayList<>();

  KernelRounds(KernelOptions options, PrintStream err) {
    this.options = options;
    this.payload = options.payload();
    this.err = err;
    for (Measurement one : options.chosen()) {
      subjects.computeIfAbsent(one.subject(), subject -> new ArrayList<>()).add(one.id());
    }
  }

  private static void endForks() {
    ProcessHandle.current().children().forEach(ProcessHandle::destroyForcibly);
  }

  /**
   * Does all rounds; progress and failures go to the error stream.
   *
   * @param out receives the paths of the samples
   * @return 0 when all ran, 1 when a benchmark failed
   * @throws InterruptedException if this thread is interrupted; the fork is ended
   */
  int measure(PrintStream out) throws IOException, InterruptedException {
    // An interrupted run leaves no fork behind.
    Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().unstarted(KernelRounds::endForks));
    if (options.quick()) {
      err.println("kernels: --quick leaves out " + KernelOptions.NOT_QUICK);
    }
    Path folder = options.folder().resolve("jmh");
    Files.createDirectories(folder);
    List<Path> rounds = new ArrayList<>();
    long begun = System.nanoTime();
    for (int round = 0; round < options.rounds(); round++) {
      List<JsonNode> results = new ArrayList<>();
      List<Subject> order = new ArrayList<>(subjects.keySet());
      if (round % 2 == 1) {
        order = order.reversed();
      }
      for (int i = 0; i < order.size(); i++) {
        tell(round, i, order.get(i), begun);
        fork(order.get(i), folder).forEach(results::add);
      }
      Path file = folder.resolve("round_" + (round + 1) + ".json");
      Json.write(file, results);
      rounds.add(file);
    }
    for (JmhResults.Entry entry : JmhResults.read(rounds)) {
      out.println(write(entry));
    }
    failures.forEach(err::println);
    return failures.isEmpty() ? 0 : 1;
  }

  private void tell(int round, int index, Subject subject, long begun) {
    int done = round * subjects.size() + index;
    int left = options.rounds() * subjects.size() - done;
    long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begun);
    String time = done == 0 ? "" : ", %d s left".formatted(seconds * left / done);
    err.printf(
        "kernels: round %d of %d, %s (%d of %d)%s%n",
        round + 1, options.rounds(), subject.label(), index + 1, subjects.size(), time);
  }

  private Path write(JmhResults.Entry entry) throws IOException {
    Measurement measurement = Measurement.of(entry);
    long bytesPerThread = Long.parseLong(entry.param("bytesPerThread"));
    Samples samples =
        JmhResults.samples(entry, measurement.name(bytesPerThread), options.run());
    Path file = options.folder().resolve(samples.id() + ".json");
    Json.write(file, samples);
    return file;
  }

  /** Measures a subject in a JVM of its own; no results where that fails. */
  private List<JsonNode> fork(Subject subject, Path folder)
      throws IOException, InterruptedException {
    Path file = folder.resolve("." + subject.label() + ".json");
    Process process =
        new ProcessBuilder(command(subject, file)).redirectErrorStream(true).start();
    try {
      process.getOutputStream().close();
      String output =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (!process.waitFor(LONGEST_FORK_MINUTES, TimeUnit.MINUTES) || process.exitValue() != 0) {
        failures.add("kernels: " + subject.label() + " FAILED:\n" + output);
        return List.of();
      }
      List<JsonNode> results = new ArrayList<>();
      Json.read(file, JsonNode.class).forEach(results::add);
      return results;
    } finally {
      process.destroyForcibly();
      Files.deleteIfExists(file);
    }
  }

  private List<String> command(Subject subject, Path file) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(JVM_FLAGS);
    if (subject instanceof Kernel kernel) {
      command.add("-D" + KernelPolicy.PROPERTY + "=" + kernel.twin());
    }
    CompilerHints.addCompilerHints(command);
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(KernelFork.class.getName());
    command.add(file.toString());
    command.add(Integer.toString(options.iterations()));
    command.add(Integer.toString(options.iterationMillis()));
    command.add(Long.toString(payload.dramBytes()));
    command.add(Long.toString(payload.cacheBytes()));
    command.addAll(subjects.getOrDefault(subject, List.of()));
    return command;
  }
}
