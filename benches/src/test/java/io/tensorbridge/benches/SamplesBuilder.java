package io.tensorbridge.benches;

import io.tensorbridge.benches.sample.Samples;
import io.tensorbridge.benches.sample.Samples.Figure;
import io.tensorbridge.benches.sample.Samples.Parameter;
import io.tensorbridge.benches.sample.Samples.Quantity;
import io.tensorbridge.benches.sample.Samples.Role;
import io.tensorbridge.benches.sample.Samples.Sampling;
import io.tensorbridge.benches.sample.Samples.Throughput;
import java.util.Arrays;
import java.util.Map;

/** Samples for tests: flat, of one iteration and one launch unless it is said otherwise. */
public final class SamplesBuilder {
  private String group = "copy_4mb";
  private String contender = "ours";
  private Role role = Role.OURS;
  private Quantity quantity = Quantity.TIME;
  private double[] totals = {};
  private long[] iterations = {};
  private int[] launches = {};
  private Map<String, Figure> figures = Map.of();
  private String started = "2026-01-01T00:00:00+00:00";
  private Map<String, String> environment = Map.of("cores", "2");

  /** Samples of one iteration each. */
  public static SamplesBuilder of(double... totals) {
    SamplesBuilder builder = new SamplesBuilder();
    builder.totals = totals;
    builder.iterations = new long[totals.length];
    Arrays.fill(builder.iterations, 1);
    builder.launches = new int[totals.length];
    return builder;
  }

  public SamplesBuilder named(String newGroup, String newContender, Role newRole) {
    group = newGroup;
    contender = newContender;
    role = newRole;
    return this;
  }

  public SamplesBuilder quantity(Quantity other) {
    quantity = other;
    return this;
  }

  public SamplesBuilder iterations(long... counts) {
    iterations = counts;
    return this;
  }

  public SamplesBuilder launches(int... numbers) {
    launches = numbers;
    return this;
  }

  public SamplesBuilder figure(String name, String unit, double... values) {
    figures = Map.of(name, new Figure(unit, values));
    return this;
  }

  public SamplesBuilder started(String time) {
    started = time;
    return this;
  }

  public SamplesBuilder environment(Map<String, String> facts) {
    environment = facts;
    return this;
  }

  public Samples build() {
    boolean varied = Arrays.stream(iterations).distinct().count() > 1;
    return new Samples(
        Samples.FORMAT,
        "copy",
        group,
        contender,
        "Copies.",
        role,
        new Parameter("size", "bytes", 4 << 20),
        quantity,
        new Throughput("bytes", 4 << 20),
        varied ? Sampling.LINEAR : Sampling.FLAT,
        launches,
        iterations,
        totals,
        figures,
        started,
        "test 1",
        Map.of(),
        environment);
  }
}
