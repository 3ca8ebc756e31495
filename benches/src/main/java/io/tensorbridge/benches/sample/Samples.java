package io.tensorbridge.benches.sample;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One benchmark as one run measured it; the content of a {@code samples.json}.
 *
 * @param format version of this file format: {@link #FORMAT}
 * @param family groups that differ in size only, for example {@code numpy}
 * @param group the work, for example {@code numpy_4mb}
 * @param contender the way it is done, for example {@code born_shared}
 * @param description one sentence for people
 * @param role whose way it is
 * @param parameter the size of the work, null where sizes don't order the groups
 * @param quantity what was measured
 * @param throughput what one iteration gets through, null where that says nothing
 * @param sampling how iterations vary from sample to sample
 * @param launches for each sample the number of its launch, from 0
 * @param iterations for each sample how often the work was done
 * @param totals for each sample nanoseconds (or bytes) of all its iterations
 * @param figures further figures taken with each sample, by name
 * @param started when the run began, ISO 8601
 * @param tool what took the samples, for example {@code python 3.11.7} or {@code jmh 1.37}
 * @param options how patient the run was, as given on the command line
 * @param environment facts of machine and software, by name
 */
@SuppressWarnings("ArrayRecordComponent") // read from a file, compared by nobody
public record Samples(
    int format,
    String family,
    String group,
    String contender,
    String description,
    Role role,
    @Nullable Parameter parameter,
    Quantity quantity,
    @Nullable Throughput throughput,
    Sampling sampling,
    int[] launches,
    long[] iterations,
    double[] totals,
    Map<String, Figure> figures,
    String started,
    String tool,
    Map<String, String> options,
    Map<String, String> environment) {

  /** The version that this code reads and writes. */
  public static final int FORMAT = 1;

  /** Whose way of doing the work a contender is. */
  public enum Role {
    /** This project's. */
    OURS,
    /** What people did before, or a list-converting binding does. */
    LEGACY,
    /** Another project's. */
    PEER,
    /** A limit of the machine, for example {@code memcpy}. */
    BOUND
  }

  /** What the totals count. */
  public enum Quantity {
    /** Nanoseconds. */
    TIME,
    /** Bytes of memory. */
    MEMORY
  }

  /** How many iterations the samples have. */
  public enum Sampling {
    /** Growing from sample to sample, so that a slope can be fitted. */
    LINEAR,
    /** The same in each. */
    FLAT
  }

  /**
   * The size of the work.
   *
   * @param name for example {@code size} or {@code layers}
   * @param unit {@code bytes}, or empty for a count
   * @param value how much
   */
  public record Parameter(String name, String unit, double value) {}

  /**
   * What one iteration gets through.
   *
   * @param unit {@code bytes}, {@code layers} or {@code calls}
   * @param amount how many
   */
  public record Throughput(String unit, double amount) {}

  /**
   * A further figure, for example the share of time outside kernels.
   *
   * @param unit {@code ratio}, {@code bytes} or {@code ns}
   * @param values one for each sample
   */
  @SuppressWarnings("ArrayRecordComponent")
  public record Figure(String unit, double[] values) {}

  /**
   * The name of the benchmark.
   *
   * @return group and contender, {@code numpy_4mb/born_shared}
   */
  public String id() {
    return group + "/" + contender;
  }

  /**
   * The average of each sample.
   *
   * @return nanoseconds (or bytes) of one iteration, in the order of sampling
   */
  public double[] averages() {
    double[] averages = new double[totals.length];
    for (int i = 0; i < averages.length; i++) {
      averages[i] = totals[i] / iterations[i];
    }
    return averages;
  }
}
