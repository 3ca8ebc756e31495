package io.tensorbridge.benches.report;

import static io.tensorbridge.benches.report.Element.element;

import io.tensorbridge.benches.Units;
import io.tensorbridge.benches.report.Catalog.Benchmark;
import io.tensorbridge.benches.report.Catalog.Group;
import io.tensorbridge.benches.sample.Samples.Quantity;
import io.tensorbridge.benches.sample.Samples.Role;
import java.util.Locale;

/** A benchmark held against the yardstick of its group. */
final class Ratio {
  /** Bars of a group with hardly any difference aren't blown up beyond this ratio's. */
  private static final double LEAST_REACH = Math.log(2);

  private Ratio() {}

  /** In words, for example {@code 12.3× faster}. */
  static String words(Group group, Benchmark benchmark) {
    Benchmark yardstick = group.yardstick();
    if (benchmark.index() == yardstick.index()) {
      return group.benchmarks().size() == 1
          ? "–"
          : yardstick.contender().role() == Role.LEGACY ? "legacy, the yardstick" : "the fastest";
    }
    double ratio = benchmark.median() / yardstick.median();
    if (!(ratio > 0) || Double.isInfinite(ratio)) {
      return "–";
    }
    boolean time = benchmark.samples().quantity() == Quantity.TIME;
    return ratio < 1
        ? Units.times(1 / ratio) + (time ? " faster" : " smaller")
        : Units.times(ratio) + (time ? " slower" : " larger");
  }

  /**
   * As a bar from the middle: to the left if faster, to the right if slower, its length the
   * logarithm of the ratio.
   */
  static Element bar(Group group, Benchmark benchmark) {
    double reach =
        Math.max(
            LEAST_REACH,
            group.benchmarks().stream()
                .mapToDouble(other -> Math.abs(log(group, other)))
                .max()
                .orElse(0));
    double share = log(group, benchmark) / reach * 50;
    String style =
        String.format(
            Locale.ROOT, "left:%.2f%%;width:%.2f%%", share < 0 ? 50 + share : 50, Math.abs(share));
    return element("span", "bar")
        .with("aria-hidden", "true")
        .add(element("span", "fill " + Parts.shade(benchmark.contender())).with("style", style));
  }

  private static double log(Group group, Benchmark benchmark) {
    double log = Math.log(benchmark.median() / group.yardstick().median());
    return Double.isFinite(log) ? log : 0;
  }
}
