package io.tensorbridge.benches.sample;

import com.fasterxml.jackson.databind.JsonNode;
import io.tensorbridge.benches.Json;
import io.tensorbridge.benches.sample.Samples.Role;
import io.tensorbridge.benches.sample.Samples.Throughput;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/**
 * Reads JMH's JSON (1.37, average time, with {@code rawData}) and gives it as {@link Samples}.
 *
 * <p>An iteration of JMH becomes a sample of one iteration: JMH keeps the average time of an
 * operation, but not how many there were. A fork becomes a launch.
 */
public final class JmhResults {
  private JmhResults() {}

  /**
   * One benchmark with one set of parameters, from all files that have it.
   *
   * @param benchmark class and method, without the package
   * @param params JMH's parameters by name
   * @param threads how many did the work at once
   * @param jmhVersion of the tool
   * @param launches for each sample the number of its fork, from 0
   * @param nanos for each sample the average time of an operation
   */
  @SuppressWarnings("ArrayRecordComponent") // one owner after another, as Samples
  public record Entry(
      String benchmark,
      Map<String, String> params,
      int threads,
      String jmhVersion,
      int[] launches,
      double[] nanos) {

    /**
     * A parameter.
     *
     * @param name of it
     * @return its value
     * @throws IOException if the entry has none of that name
     */
    public String param(String name) throws IOException {
      String value = params.get(name);
      if (value == null) {
        throw new IOException(benchmark + " has no parameter " + name + ", only " + params);
      }
      return value;
    }
  }

  /**
   * What an entry is called among our benchmarks.
   *
   * @param family as in {@link Samples}
   * @param group as in {@link Samples}
   * @param contender as in {@link Samples}
   * @param description as in {@link Samples}
   * @param role as in {@link Samples}
   * @param throughput of one operation
   */
  public record Name(
      String family,
      String group,
      String contender,
      String description,
      Role role,
      Throughput throughput) {}

  /**
   * What all samples of a run have in common.
   *
   * @param started ISO 8601
   * @param options of the command line
   * @param environment facts of machine and software
   */
  public record Run(String started, Map<String, String> options, Map<String, String> environment) {}

  /**
   * Reads the results of several rounds.
   *
   * @param files JMH's JSON of each round, in order
   * @return what they have, in the order of its first occurrence
   * @throws IOException if a file can't be read or holds something else; the message names it
   */
  public static List<Entry> read(List<Path> files) throws IOException {
    Map<String, Entry> entries = new LinkedHashMap<>();
    for (Path file : files) {
      for (JsonNode result : Json.read(file, JsonNode.class)) {
        Entry entry = entry(file, result);
        String key = entry.benchmark + entry.params + entry.threads;
        entries.merge(key, entry, JmhResults::join);
      }
    }
    return List.copyOf(entries.values());
  }

  /**
   * The samples of an entry.
   *
   * @param entry what was measured
   * @param name what it is called
   * @param run what it was part of
   * @return flat samples
   */
  public static Samples samples(Entry entry, Name name, Run run) {
    long[] iterations = new long[entry.nanos.length];
    Arrays.fill(iterations, 1);
    return new Samples(
        Samples.FORMAT,
        name.family,
        name.group,
        name.contender,
        name.description,
        name.role,
        null,
        Samples.Quantity.TIME,
        name.throughput,
        Samples.Sampling.FLAT,
        entry.launches,
        iterations,
        entry.nanos,
        Map.of(),
        run.started,
        "jmh " + entry.jmhVersion,
        run.options,
        run.environment);
  }

  private static Entry entry(Path file, JsonNode result) throws IOException {
    String benchmark = required(file, result, "benchmark").asText();
    if (!required(file, result, "mode").asText().equals("avgt")) {
      throw new IOException(
          file + ": " + benchmark + " is of the mode " + result.get("mode").asText()
              + "; only average times (avgt) are understood");
    }
    JsonNode metric = required(file, result, "primaryMetric");
    double unit = nanos(file, required(file, metric, "scoreUnit").asText());
    List<Integer> launches = new ArrayList<>();
    List<Double> nanos = new ArrayList<>();
    int launch = 0;
    for (JsonNode fork : required(file, metric, "rawData")) {
      for (JsonNode average : fork) {
        launches.add(launch);
        nanos.add(average.asDouble() * unit);
      }
      launch++;
    }
    if (nanos.isEmpty()) {
      throw new IOException(file + ": " + benchmark + " has no samples in rawData");
    }
    int method = benchmark.lastIndexOf('.');
    return new Entry(
        benchmark.substring(benchmark.lastIndexOf('.', method - 1) + 1),
        params(result),
        required(file, result, "threads").asInt(),
        required(file, result, "jmhVersion").asText(),
        launches.stream().mapToInt(Integer::intValue).toArray(),
        nanos.stream().mapToDouble(Double::doubleValue).toArray());
  }

  private static Map<String, String> params(JsonNode result) {
    Map<String, String> params = new TreeMap<>();
    for (Map.Entry<String, JsonNode> param : result.path("params").properties()) {
      params.put(param.getKey(), param.getValue().asText());
    }
    return params;
  }

  private static JsonNode required(Path file, JsonNode node, String name) throws IOException {
    JsonNode value = node.get(name);
    if (value == null) {
      throw new IOException(file + " is no JSON of JMH: a result has no \"" + name + "\"");
    }
    return value;
  }

  /** Nanoseconds in JMH's unit of an average time. */
  private static double nanos(Path file, String unit) throws IOException {
    return switch (unit) {
      case "ns/op" -> 1;
      case "us/op" -> TimeUnit.MICROSECONDS.toNanos(1);
      case "ms/op" -> TimeUnit.MILLISECONDS.toNanos(1);
      case "s/op" -> TimeUnit.SECONDS.toNanos(1);
      default -> throw new IOException(file + ": \"" + unit + "\" is no time of an operation");
    };
  }

  /** The forks of the second follow those of the first. */
  private static Entry join(Entry first, Entry second) {
    int forks = Arrays.stream(first.launches).max().orElse(-1) + 1;
    return new Entry(
        first.benchmark,
        first.params,
        first.threads,
        first.jmhVersion,
        IntStream
            .concat(
                Arrays.stream(first.launches),
                Arrays.stream(second.launches).map(launch -> launch + forks))
            .toArray(),
        concat(first.nanos, second.nanos));
  }

  private static double[] concat(double[] first, double[] second) {
    double[] both = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    return both;
  }
}
