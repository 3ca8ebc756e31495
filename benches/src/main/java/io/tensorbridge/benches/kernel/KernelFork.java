package io.tensorbridge.benches.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.tensorbridge.benches.kernel.Subject.Kernel;
import java.io.PrintStream;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.results.format.ResultFormatFactory;
import org.openjdk.jmh.results.format.ResultFormatType;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * A program that measures one subject in this JVM and writes JMH's JSON: {@code KernelFork OUT
 * ITERATIONS MILLISECONDS DRAM_BYTES CACHE_BYTES ID...}. {@link KernelStage} starts it.
 *
 * <p>JMH would start a JVM for each set of parameters, and each would compile the same vector code
 * for seconds. One JVM for all operations, places and thread counts of a subject compiles it once,
 * and pollutes nothing: they run the same code on segments of the same kind.
 */
public final class KernelFork {
  /** Four chunks, so that loops over chunks are compiled as loops. */
  private static final long WARM_UP_BYTES = 1L << 20;

  /** When the compiler did nothing for so long, it is done. */
  private static final long QUIET_NANOS = 400_000_000L;

  private static final long LEAST_WARM_UP_NANOS = 700_000_000L;
  private static final long MOST_WARM_UP_NANOS = 8_000_000_000L;

  private static final TimeValue JMH_WARM_UP = TimeValue.milliseconds(50);

  private KernelFork() {}

  /**
   * Measures.
   *
   * @param arguments as above
   * @throws Exception if a benchmark fails or the file can't be written
   */
  public static void main(String[] arguments) throws Exception {
    int iterations = Integer.parseInt(arguments[1]);
    TimeValue time = TimeValue.milliseconds(Long.parseLong(arguments[2]));
    Payload payload = new Payload(Long.parseLong(arguments[3]), Long.parseLong(arguments[4]));
    Set<String> ids = Set.of(Arrays.copyOfRange(arguments, 5, arguments.length));
    List<Measurement> measurements =
        Measurement.all().stream().filter(one -> ids.contains(one.id())).toList();
    if (measurements.getFirst().subject() instanceof Kernel kernel) {
      warmUp(kernel);
    }
    List<RunResult> results = new ArrayList<>();
    for (Measurement measurement : measurements) {
      results.add(new Runner(options(measurement, payload, iterations, time)).runSingle());
    }
    try (PrintStream json =
        new PrintStream(Files.newOutputStream(Path.of(arguments[0])), false, UTF_8)) {
      ResultFormatFactory.getInstance(ResultFormatType.JSON, json).writeOut(results);
    }
  }

  /** Both operations in turn, until the compiler has no more to do; checks the answer at the end. */
  private static void warmUp(Kernel kernel) {
    KernelWork work = KernelWork.of(kernel.scheme(), WARM_UP_BYTES, 0, 1);
    CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
    long begun = System.nanoTime();
    long lastBusy = begun;
    long compiled = compiler.getTotalCompilationTime();
    long now = begun;
    while (now - begun < MOST_WARM_UP_NANOS
        && (now - lastBusy < QUIET_NANOS || now - begun < LEAST_WARM_UP_NANOS)) {
      work.quantize();
      work.dequantize();
      now = System.nanoTime();
      long total = compiler.getTotalCompilationTime();
      if (total != compiled) {
        compiled = total;
        lastBusy = now;
      }
    }
    work.requireNear();
  }

  private static Options options(
      Measurement measurement, Payload payload, int iterations, TimeValue time) {
    Class<?> benchmark =
        measurement.operation().isBound() ? BoundBenchmark.class : KernelBenchmark.class;
    long bytes = payload.bytesPerThread(measurement.place(), measurement.threads());
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .include(Pattern.quote(benchmark.getName() + "." + measurement.operation()) + "$")
            .param("place", measurement.place().toString())
            .param("bytesPerThread", Long.toString(bytes))
            .threads(measurement.threads())
            .forks(0)
            .warmupIterations(1)
            .warmupTime(JMH_WARM_UP)
            .measurementIterations(iterations)
            .measurementTime(time)
            .verbosity(VerboseMode.SILENT)
            .shouldFailOnError(true);
    if (measurement.subject() instanceof Kernel kernel) {
      options.param("scheme", kernel.scheme().toString());
      options.param("twin", kernel.twin().toString());
    }
    return options.build();
  }
}
