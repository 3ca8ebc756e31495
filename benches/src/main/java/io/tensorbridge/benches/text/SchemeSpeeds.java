package io.tensorbridge.benches.text;

import io.tensorbridge.benches.sample.Samples.Role;
import io.tensorbridge.benches.text.RunResults.Benchmark;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * How fast each scheme is, a row each: the groups of the kernels, drawn together. Speeds are read
 * from DRAM, in gigabytes of float32 a second.
 */
final class SchemeSpeeds {
  private static final String GROUP = "kernels_";
  private static final String BOUNDS = "kernels_bounds";
  private static final String NONE = "–";

  private SchemeSpeeds() {}

  static TextTable table(Map<String, List<Benchmark>> groups) {
    TextTable table =
        new TextTable(
            List.of(
                "scheme", "quantize, 1 thread", "2 threads", "dequantize, 1 thread",
                "fastest peer, 1 thread", "its speed", "times faster"));
    groups.forEach(
        (name, benchmarks) -> {
          if (name.startsWith(GROUP) && !name.equals(BOUNDS) && fastest(benchmarks,
              SchemeSpeeds::isOurs).isPresent()) {
            table.add(row(name.substring(GROUP.length()), benchmarks));
          }
        });
    return table;
  }

  private static List<String> row(String scheme, List<Benchmark> benchmarks) {
    Optional<Benchmark> ours = fastest(benchmarks, ours("", "_1t"));
    Optional<Benchmark> peer =
        fastest(
            benchmarks,
            benchmark -> benchmark.role() == Role.PEER && benchmark.contender().endsWith("_1t"));
    return List.of(
        "`" + scheme + "`",
        speed(ours),
        speed(fastest(benchmarks, ours("", "_2t"))),
        speed(fastest(benchmarks, ours("dequantize_", "_1t"))),
        peer.map(SchemeSpeeds::peerName).orElse(NONE),
        speed(peer),
        ours.isPresent() && peer.isPresent()
            ? String.format(Locale.ROOT, "%.3gx", rate(ours.get()) / rate(peer.get()))
            : NONE);
  }

  private static boolean isOurs(Benchmark benchmark) {
    return benchmark.role() == Role.OURS && benchmark.throughput() != null;
  }

  /** A contender of ours that reads DRAM: {@code vector_dram_1t}, {@code dequantize_scalar_dram_2t}. */
  private static Predicate<Benchmark> ours(String operation, String threads) {
    return benchmark -> isOurs(benchmark)
        && (benchmark.contender().equals(operation + "vector_dram" + threads)
            || benchmark.contender().equals(operation + "scalar_dram" + threads));
  }

  private static Optional<Benchmark> fastest(
      List<Benchmark> benchmarks, Predicate<Benchmark> which) {
    return benchmarks.stream()
        .filter(benchmark -> benchmark.throughput() != null)
        .filter(which)
        .max(Comparator.comparingDouble(SchemeSpeeds::rate));
  }

  private static double rate(Benchmark benchmark) {
    return benchmark.throughput() == null
        ? 0
        : BenchmarkLines.rate(benchmark.throughput(), benchmark.estimates().median()).point();
  }

  private static String speed(Optional<Benchmark> benchmark) {
    return benchmark.map(Cells::throughput).orElse(NONE);
  }

  /** {@code ggml_8mb_1t} is ggml's. */
  private static String peerName(Benchmark benchmark) {
    return benchmark.contender().replaceAll("_(dram|\\d+mb)_1t$", "").replace('_', '-');
  }
}
