package io.tensorbridge.benches.kernel;

import io.tensorbridge.benches.Json;
import io.tensorbridge.benches.Stage;
import io.tensorbridge.benches.UsageException;
import io.tensorbridge.benches.sample.JmhResults;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import joptsimple.OptionParser;
import joptsimple.OptionSet;
import joptsimple.OptionSpec;

/** The stage {@code kernels}: takes samples of the quantizer's kernels under JMH. */
public final class KernelStage implements Stage {
  private static final int ROUNDS = 5;
  private static final int QUICK_ROUNDS = 1;
  private static final int ITERATIONS = 5;
  private static final int QUICK_ITERATIONS = 6;
  private static final int ITERATION_MILLIS = 50;

  private final OptionParser parser = new OptionParser(false);
  private final OptionSpec<Void> list = parser.accepts("list");
  private final OptionSpec<Void> quick = parser.accepts("quick");
  private final OptionSpec<String> filter =
      parser.accepts("filter").withRequiredArg().defaultsTo("");
  private final OptionSpec<String> id = parser.accepts("id").withRequiredArg();
  private final OptionSpec<Integer> rounds = number("rounds");
  private final OptionSpec<Integer> iterations = number("iterations");
  private final OptionSpec<Integer> iterationMillis = number("iteration-time");
  private final OptionSpec<Long> dramBytes =
      parser.accepts("dram-bytes").withRequiredArg().ofType(Long.class);
  private final OptionSpec<String> started = parser.accepts("started").withRequiredArg();
  private final OptionSpec<String> environment = parser.accepts("environment").withRequiredArg();
  private final OptionSpec<String> option = parser.accepts("option").withRequiredArg();
  private final OptionSpec<String> folder = parser.accepts("o").withRequiredArg();

  /** Knows its options. */
  public KernelStage() {}

  private OptionSpec<Integer> number(String name) {
    return parser.accepts(name).withRequiredArg().ofType(Integer.class);
  }

  @Override
  public String description() {
    return "Measures the quantizer's kernels under JMH, in rounds of a JVM for each scheme and twin;"
        + " writes samples to DIR/GROUP/CONTENDER.json, whose paths it prints, and JMH's own JSON to"
        + " DIR/jmh/round_N.json.";
  }

  @Override
  public String usage() {
    return "[--list] [--quick] [--filter REGEX] [--id GROUP/CONTENDER]... [--rounds N]"
        + " [--iterations N] [--iteration-time MILLISECONDS] [--dram-bytes N] [--started TIME]"
        + " [--environment FILE.json] [--option NAME=VALUE]... -o DIR";
  }

  @Override
  public OptionParser options() {
    return parser;
  }

  @Override
  public int run(OptionSet given, PrintStream out) throws IOException {
    if (!given.nonOptionArguments().isEmpty()) {
      throw new UsageException(given.nonOptionArguments() + " is not understood");
    }
    KernelOptions options = read(given);
    if (given.has(list)) {
      options.chosen().forEach(one -> out.println(one.id() + "\t" + one.description()));
      return 0;
    }
    if (!given.has(folder)) {
      throw new UsageException("-o DIR is missing: it says where the samples go");
    }
    PrintStream progress = new PrintStream(System.err, true, StandardCharsets.UTF_8);
    try {
      return new KernelRounds(options, progress).measure(out);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while a kernel was measured", e);
    }
  }

  private KernelOptions read(OptionSet given) throws IOException {
    boolean isQuick = given.has(quick);
    int chosenRounds = count(given, rounds, isQuick ? QUICK_ROUNDS : ROUNDS);
    int chosenIterations = count(given, iterations, isQuick ? QUICK_ITERATIONS : ITERATIONS);
    int chosenMillis = count(given, iterationMillis, ITERATION_MILLIS);
    Map<String, String> facts = facts(given);
    facts.put("rounds", Integer.toString(chosenRounds));
    facts.put("iterations", Integer.toString(chosenIterations));
    facts.put("iteration-time", chosenMillis + " ms");
    return new KernelOptions(
        isQuick,
        regex(given.valueOf(filter)),
        Set.copyOf(given.valuesOf(id)),
        chosenRounds,
        chosenIterations,
        chosenMillis,
        payload(given),
        Path.of(given.has(folder) ? given.valueOf(folder) : ""),
        new JmhResults.Run(
            given.has(started)
                ? given.valueOf(started)
                : Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
            facts,
            environment(given)));
  }

  private static int count(OptionSet given, OptionSpec<Integer> spec, int preset) {
    int count = given.has(spec) ? given.valueOf(spec) : preset;
    if (count < 1) {
      throw new UsageException(spec + " takes a number from 1, not " + count);
    }
    return count;
  }

  private static Pattern regex(String text) {
    try {
      return Pattern.compile(text);
    } catch (PatternSyntaxException e) {
      throw new UsageException(
          "--filter \"" + text + "\" is no regular expression: " + e.getDescription());
    }
  }

  private Payload payload(OptionSet given) throws IOException {
    Payload payload = Payload.of(CpuCaches.read(CpuCaches.SYSFS));
    return given.has(dramBytes) ? payload.withDramBytes(given.valueOf(dramBytes)) : payload;
  }

  private Map<String, String> facts(OptionSet given) {
    Map<String, String> facts = new LinkedHashMap<>();
    for (String fact : given.valuesOf(option)) {
      int equals = fact.indexOf('=');
      if (equals < 1) {
        throw new UsageException("--option takes NAME=VALUE, not \"" + fact + "\"");
      }
      facts.put(fact.substring(0, equals), fact.substring(equals + 1));
    }
    return facts;
  }

  private Map<String, String> environment(OptionSet given) throws IOException {
    Map<String, String> facts = new LinkedHashMap<>();
    if (given.has(environment)) {
      Map<?, ?> read = Json.read(Path.of(given.valueOf(environment)), Map.class);
      read.forEach((name, fact) -> facts.put(String.valueOf(name), String.valueOf(fact)));
    }
    return facts;
  }
}
