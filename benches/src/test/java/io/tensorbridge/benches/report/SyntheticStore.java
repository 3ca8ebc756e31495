package io.tensorbridge.benches.report;

import io.tensorbridge.benches.ResultStore;
import io.tensorbridge.benches.ResultStore.Result;
import io.tensorbridge.benches.compare.Comparison;
import io.tensorbridge.benches.compare.Comparison.Verdict;
import io.tensorbridge.benches.estimate.Estimate;
import io.tensorbridge.benches.estimate.Estimates;
import io.tensorbridge.benches.estimate.Outliers;
import io.tensorbridge.benches.sample.Samples;
import io.tensorbridge.benches.sample.Samples.Figure;
import io.tensorbridge.benches.sample.Samples.Parameter;
import io.tensorbridge.benches.sample.Samples.Quantity;
import io.tensorbridge.benches.sample.Samples.Role;
import io.tensorbridge.benches.sample.Samples.Sampling;
import io.tensorbridge.benches.sample.Samples.Throughput;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.hipparchus.stat.descriptive.DescriptiveStatistics;
import org.jspecify.annotations.Nullable;

/**
 * Results as a real run leaves them, from a fixed seed: families with sizes and without, every
 * verdict, memory, one sample, equal samples, far outliers, and names and texts that attack markup.
 */
final class SyntheticStore {
  static final String HOSTILE_GROUP = "hostile_<b>&\"'{x|y}";
  static final String HOSTILE_CONTENDER = "\"><img src=x onerror=alert(1)>";
  static final String HOSTILE_TEXT =
      "</script><script>window.attacked = true</script><!-- & \"quoted\" 'text'";

  private static final String STARTED = "2026-11-21T10:15:30Z";
  private static final String BEFORE = "2026-11-20T17:02:11+01:00";
  private static final Map<String, String> OPTIONS =
      Map.of("sample-size", "100", "warm-up-time", "3", "measurement-time", "5");
  private static final Map<String, String> ENVIRONMENT =
      Map.of(
          "CPU", "AMD EPYC 9R14", "cores", "2", "memory", "23.5 GiB", "kernel", "Linux 6.18",
          "JDK", "25.0.1+8 Eclipse Adoptium", "Python", "CPython 3.11.7", "NumPy", "2.4.6",
          "hostile", HOSTILE_TEXT);

  private final Random random = new Random(42);
  private final ResultStore store;

  private SyntheticStore(ResultStore store) {
    this.store = store;
  }

  /** Writes some 60 benchmarks. */
  static ResultStore write(Path root) throws IOException {
    SyntheticStore synthetic = new SyntheticStore(new ResultStore(root));
    synthetic.numpy();
    synthetic.batch();
    synthetic.endToEnd();
    synthetic.kernels();
    synthetic.startup();
    synthetic.memory();
    synthetic.oddities();
    return synthetic.store;
  }

  /** Writes the report of such a store: {@code SyntheticStore FOLDER}. */
  public static void main(String[] args) throws IOException {
    ResultStore store = write(Path.of(args[0]));
    Report.write(store, store.report());
  }

  private void numpy() throws IOException {
    for (int megabytes : new int[]{4, 40, 400}) {
      double bytes = (double) megabytes * (1 << 20);
      Work work =
          new Work(
              "numpy", "numpy_" + megabytes + "mb", new Parameter("size", "bytes", bytes),
              new Throughput("bytes", bytes));
      double mb = megabytes;
      add(work, "born_shared", Role.OURS, 24e3 + 10 * mb, 0.03, megabytes == 4 ? 0.001 : -0.083);
      add(work, "share", Role.OURS, 40e3 + 26e3 * mb, 0.05, megabytes == 40 ? 0.124 : 0.004);
      add(work, "copy", Role.OURS, 60e3 + 300e3 * mb, 0.08, 0.01);
      add(work, "legacy_list", Role.LEGACY, 11e6 * mb, 0.02, -0.003);
      add(work, "py4j_bytes", Role.PEER, 12.5e6 * mb, 0.06, 0.0);
      add(work, "pickle", Role.PEER, 2.4e6 * mb, 0.1, 0.02);
      add(work, "arrow_flight", Role.PEER, 1.5e6 * mb, 0.12, Double.NaN);
      add(work, "memcpy", Role.BOUND, 20e3 * mb, 0.02, 0.006);
    }
  }

  private void batch() throws IOException {
    for (int layers : new int[]{10, 100, 1000}) {
      Work work =
          new Work(
              "batch", "batch_" + layers, new Parameter("layers", "", layers),
              new Throughput("layers", layers));
      add(work, "prepared", Role.OURS, 21e3 + 60.0 * layers, 0.05, -0.02);
      add(work, "batch", Role.OURS, 30e3 + 900.0 * layers, 0.05, 0.011);
      add(work, "call_per_layer", Role.OURS, 24e3 * layers, 0.04, 0.002);
      add(work, "legacy", Role.LEGACY, 90e3 * layers, 0.06, 0.0);
      add(work, "pyzmq", Role.PEER, 150e3 * layers, 0.1, 0.03);
    }
  }

  private void endToEnd() throws IOException {
    Work work = new Work("end_to_end", "end_to_end_quantize", null, null);
    Map<String, Figure> figures =
        Map.of(
            "outside_kernels", new Figure("ratio", noisy(100, 0.31, 0.05)),
            "written", new Figure("bytes", noisy(100, 7.7e8, 0.001)));
    add(work, "batch", Role.OURS, 1.24e9, 0.03, -0.06, 100, figures, Sampling.FLAT);
    add(work, "legacy", Role.LEGACY, 61e9, 0.02, 0.01);
    add(work, "gguf_py", Role.PEER, 2.9e9, 0.02, Double.NaN);
  }

  private void kernels() throws IOException {
    for (String kernel : List.of("q8_0", "q4_0", "q4_k")) {
      double factor = kernel.equals("q4_k") ? 40 : 1;
      double bytes = 256 << 20;
      Work work =
          new Work("kernels_dram", "kernels_" + kernel, null, new Throughput("bytes", bytes));
      add(work, "scalar", Role.OURS, factor * bytes / 1.3, 0.02, 0.0);
      add(work, "vector", Role.OURS, factor * bytes / 14.2, 0.03, kernel.equals("q4_0") ? 0.31 : 0);
      add(work, "vector_2_threads", Role.OURS, factor * bytes / 24.6, 0.06, 0.0);
      add(work, "ggml", Role.PEER, factor * bytes / 2.1, 0.02, 0.0);
      add(work, "read", Role.BOUND, bytes / 26.3, 0.03, 0.0);
      add(work, "memcpy", Role.BOUND, bytes / 12.1, 0.03, 0.0);
    }
  }

  private void startup() throws IOException {
    Work work = new Work("startup", "startup", null, null);
    add(work, "open", Role.OURS, 212e6, 0.04, -0.01, 20, Map.of(), Sampling.FLAT);
    add(work, "jpype", Role.PEER, 420e6, 0.05, 0.0, 20, Map.of(), Sampling.FLAT);
    add(work, "once", Role.PEER, 2.2e9, 0, Double.NaN, 1, Map.of(), Sampling.FLAT);
  }

  private void memory() throws IOException {
    for (int megabytes : new int[]{4, 40, 400}) {
      double bytes = (double) megabytes * (1 << 20);
      Work work =
          new Work(
              "memory", "memory_peak_" + megabytes + "mb", new Parameter("payload", "bytes", bytes),
              null, Quantity.MEMORY);
      add(work, "share", Role.OURS, 9e7 + 2 * bytes, 0.004, 0.001, 10, Map.of(), Sampling.FLAT);
      add(work, "legacy", Role.LEGACY, 2e8 + 30 * bytes, 0.01, -0.2, 10, Map.of(), Sampling.FLAT);
    }
  }

  private void oddities() throws IOException {
    Work work = new Work("odd <i>family</i>", HOSTILE_GROUP, null, new Throughput("calls", 1));
    add(work, HOSTILE_CONTENDER, Role.OURS, 812, 0.03, 0.2);
    add(work, "equal", Role.OURS, 500, 0, 0.0);
    add(work, "two_humps", Role.PEER, 930, -1, 0.0);
    add(work, "far_outlier", Role.BOUND, 640, -2, 0.0);
  }

  private record Work(
      String family,
      String group,
      @Nullable Parameter parameter,
      @Nullable Throughput throughput,
      Quantity quantity) {

    Work(
        String family,
        String group,
        @Nullable Parameter parameter,
        @Nullable Throughput throughput) {
      this(family, group, parameter, throughput, Quantity.TIME);
    }
  }

  private void add(
      Work work, String contender, Role role, double typical, double noise, double change)
      throws IOException {
    Sampling sampling = typical < 50e6 ? Sampling.LINEAR : Sampling.FLAT;
    add(work, contender, role, typical, noise, change, 100, Map.of(), sampling);
  }

  private void add(
      Work work,
      String contender,
      Role role,
      double typical,
      double noise,
      double change,
      int count,
      Map<String, Figure> figures,
      Sampling sampling)
      throws IOException {
    Optional<Comparison> comparison = Optional.empty();
    String description =
        contender.equals(HOSTILE_CONTENDER)
            ? HOSTILE_TEXT
            : "Does the work of " + work.group() + " by way of " + contender + " and waits for it.";
    if (!Double.isNaN(change)) {
      Samples before =
          samples(
              work, contender, role, description, noisy(count, typical / (1 + change), noise),
              figures, sampling, BEFORE);
      Estimates estimates = estimates(before);
      store.write(ResultStore.NEW, new Result(before, estimates, Optional.empty()));
      store.rotate(before.id());
    }
    Samples samples =
        samples(
            work, contender, role, description, noisy(count, typical, noise), figures, sampling,
            STARTED);
    if (!Double.isNaN(change)) {
      comparison = Optional.of(comparison(samples, change));
    }
    store.write(ResultStore.NEW, new Result(samples, estimates(samples), comparison));
  }

  /** One-sided noise with some outliers; -1 gives two humps, -2 one sample very far out. */
  private double[] noisy(int count, double typical, double noise) {
    double spread = Math.abs(noise) >= 1 ? 0.02 : noise;
    double[] values = new double[count];
    for (int i = 0; i < count; i++) {
      double lift = Math.exp(random.nextGaussian() * 0.5) * spread;
      double outlier = random.nextInt(25) == 0 ? random.nextDouble() * 8 * spread : 0;
      int launch = i * 4 / count;
      double hump = noise == -1 && i % 3 == 0 ? 0.25 : 0;
      values[i] = typical * (1 + lift + outlier + hump + spread * 0.4 * launch);
    }
    if (noise == -2) {
      values[count / 2] = typical * 90;
    }
    return values;
  }

  private static Samples samples(
      Work work,
      String contender,
      Role role,
      String description,
      double[] averages,
      Map<String, Figure> figures,
      Sampling sampling,
      String started) {
    int count = averages.length;
    int[] launches = new int[count];
    long[] iterations = new long[count];
    double[] totals = new double[count];
    for (int i = 0; i < count; i++) {
      launches[i] = i * 4 / count;
      iterations[i] = sampling == Sampling.LINEAR ? 3L * (i % 25 + 1) : 1;
      totals[i] = averages[i] * iterations[i];
    }
    return new Samples(
        Samples.FORMAT, work.family(), work.group(), contender, description, role,
        work.parameter(), work.quantity(), work.throughput(), sampling, launches, iterations,
        totals, figures, started, "python 3.11.7", OPTIONS, ENVIRONMENT);
  }

  /** Estimates with intervals by the normal approximation: near enough for a picture. */
  private static Estimates estimates(Samples samples) {
    double[] averages = samples.averages();
    DescriptiveStatistics statistics = new DescriptiveStatistics(averages);
    double deviation = averages.length > 1 ? statistics.getStandardDeviation() : 0;
    double error = deviation / Math.sqrt(averages.length);
    double median = statistics.getPercentile(50);
    double first = statistics.getPercentile(25);
    double third = statistics.getPercentile(75);
    double range = third - first;
    double mad =
        1.4826
            * new DescriptiveStatistics(
                Arrays.stream(averages).map(x -> Math.abs(x - median)).toArray())
                .getPercentile(50);
    Outliers outliers =
        new Outliers(
            count(averages, Double.NEGATIVE_INFINITY, first - 3 * range),
            count(averages, first - 3 * range, first - 1.5 * range),
            count(averages, third + 1.5 * range, third + 3 * range),
            count(averages, third + 3 * range, Double.POSITIVE_INFINITY),
            first - 3 * range, first - 1.5 * range, third + 1.5 * range, third + 3 * range);
    Map<String, Estimate> figures = new TreeMap<>();
    samples.figures()
        .forEach(
            (name, figure) -> {
              DescriptiveStatistics values = new DescriptiveStatistics(figure.values());
              figures.put(name,
                  estimate(values.getPercentile(50), values.getStandardDeviation() / 10));
            });
    return new Estimates(
        Samples.FORMAT, samples.group(), samples.contender(), estimate(statistics.getMean(), error),
        estimate(median, 1.25 * error), estimate(deviation, error), estimate(mad, error),
        samples.sampling() == Sampling.LINEAR
            ? estimate(statistics.getMean() * 0.999, error)
            : null,
        outliers, figures, 1000);
  }

  private static int count(double[] values, double low, double high) {
    return (int) Arrays.stream(values).filter(value -> value > low && value < high).count();
  }

  private static Estimate estimate(double point, double error) {
    return new Estimate(point, point - 1.96 * error, point + 1.96 * error, error);
  }

  private static Comparison comparison(Samples samples, double change) {
    double error = samples.totals().length == 1 ? 0 : 0.006;
    Verdict verdict =
        change > 0.05 ? Verdict.REGRESSED : change < -0.05 ? Verdict.IMPROVED : Verdict.NO_CHANGE;
    return new Comparison(
        Samples.FORMAT, samples.group(), samples.contender(), ResultStore.BASE, BEFORE,
        estimate(change, error), estimate(change * 1.1, 1.3 * error),
        verdict == Verdict.NO_CHANGE ? 0.41 : 0.00002, 0.05, verdict,
        change == 0.2 ? List.of("JDK was 24.0.2, now 25.0.1", HOSTILE_TEXT) : List.of());
  }
}
