package io.tensorbridge.benches.text;

import io.tensorbridge.benches.ResultStore.Result;
import io.tensorbridge.benches.Units;
import io.tensorbridge.benches.compare.Comparer;
import io.tensorbridge.benches.compare.Comparison;
import io.tensorbridge.benches.estimate.Estimate;
import io.tensorbridge.benches.estimate.Outliers;
import io.tensorbridge.benches.sample.Samples;
import io.tensorbridge.benches.sample.Samples.Figure;
import io.tensorbridge.benches.sample.Samples.Quantity;
import io.tensorbridge.benches.sample.Samples.Throughput;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What the terminal tells of a benchmark, in the words of criterion.rs. */
final class BenchmarkLines {
  private final Colours colours;

  BenchmarkLines(Colours colours) {
    this.colours = colours;
  }

  List<String> of(Result result) {
    Samples samples = result.samples();
    List<String> lines = new ArrayList<>();
    lines.add(colours.bold(samples.id()));
    lines.add(line(name(samples.quantity()), interval(kind(samples.quantity()),
        result.estimates().median())));
    Throughput throughput = samples.throughput();
    if (throughput != null && samples.quantity() == Quantity.TIME) {
      lines.add(
          line(
              "thrpt",
              interval(
                  Units.rate(throughput.unit()),
                  rate(throughput, result.estimates().median()))));
    }
    for (Map.Entry<String, Estimate> figure : result.estimates().figures().entrySet()) {
      Figure values = samples.figures().get(figure.getKey());
      String kind = values == null ? "" : figureKind(values.unit());
      lines.add(line(figure.getKey(), interval(kind, figure.getValue())));
    }
    result.comparison().ifPresent(comparison -> lines.addAll(change(samples, comparison)));
    lines.addAll(outliers(result.estimates().outliers(), samples.totals().length));
    return lines;
  }

  static String name(Quantity quantity) {
    return switch (quantity) {
      case TIME -> "time";
      case MEMORY -> "memory";
    };
  }

  static String kind(Quantity quantity) {
    return switch (quantity) {
      case TIME -> Units.TIME;
      case MEMORY -> Units.BYTES;
    };
  }

  static String figureKind(String unit) {
    return unit.equals("ns") ? Units.TIME : unit;
  }

  /** What a time says of the throughput a second; the ends change places. */
  static Estimate rate(Throughput throughput, Estimate nanos) {
    double amount = throughput.amount() * 1e9;
    return new Estimate(
        amount / nanos.point(), amount / nanos.high(), amount / nanos.low(), Double.NaN);
  }

  private static String line(String name, String value) {
    return String.format(Locale.ROOT, "    %-10s %s", name + ":", value);
  }

  private static String interval(String kind, Estimate estimate) {
    return "[" + Units.format(kind, estimate.low()) + "  " + Units.format(kind, estimate.point())
        + "  " + Units.format(kind, estimate.high()) + "]";
  }

  private List<String> change(Samples samples, Comparison comparison) {
    Estimate median = comparison.median();
    String p =
        String.format(
            Locale.ROOT,
            "(p = %.2f %s %.2f)",
            comparison.pValue(),
            comparison.pValue() < Comparer.SIGNIFICANCE ? "<" : ">",
            Comparer.SIGNIFICANCE);
    String change =
        "[" + Units.change(median.low()) + "  " + Units.change(median.point()) + "  "
            + Units.change(median.high()) + "] " + p;
    List<String> lines = new ArrayList<>();
    lines.add(
        line("change", change)
            + (comparison.baseline().equals("base") ? "" : " against " + comparison.baseline()));
    lines.add("    " + colours.verdict(comparison.verdict(), sentence(samples, comparison)));
    for (String fact : comparison.environmentChanges()) {
      lines.add("    note: " + fact);
    }
    return lines;
  }

  private static String sentence(Samples samples, Comparison comparison) {
    String what = samples.quantity() == Quantity.TIME ? "Performance" : "Memory use";
    return switch (comparison.verdict()) {
      case IMPROVED -> what + " has improved.";
      case REGRESSED -> what + " has regressed.";
      case NO_CHANGE ->
          comparison.pValue() < Comparer.SIGNIFICANCE
              ? "Change within noise threshold."
              : "No change in " + what.toLowerCase(Locale.ROOT) + " detected.";
    };
  }

  private static List<String> outliers(Outliers outliers, int samples) {
    if (outliers.count() == 0) {
      return List.of();
    }
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            Locale.ROOT,
            "    Found %d outlier%s among %d measurements (%.2f%%)",
            outliers.count(),
            outliers.count() == 1 ? "" : "s",
            samples,
            100.0 * outliers.count() / samples));
    addClass(lines, outliers.lowSevere(), samples, "low severe");
    addClass(lines, outliers.lowMild(), samples, "low mild");
    addClass(lines, outliers.highMild(), samples, "high mild");
    addClass(lines, outliers.highSevere(), samples, "high severe");
    return lines;
  }

  private static void addClass(List<String> lines, int count, int samples, String name) {
    if (count > 0) {
      lines.add(
          String.format(
              Locale.ROOT, "      %d (%.2f%%) %s", count, 100.0 * count / samples, name));
    }
  }
}
