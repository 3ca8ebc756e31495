package io.tensorbridge.benches.report;

import static io.tensorbridge.benches.report.Element.element;

import io.tensorbridge.benches.Units;
import io.tensorbridge.benches.compare.Comparison;
import io.tensorbridge.benches.estimate.Estimates;
import io.tensorbridge.benches.report.Catalog.Benchmark;
import io.tensorbridge.benches.report.Catalog.Family;
import io.tensorbridge.benches.report.Catalog.Group;
import java.util.List;
import java.util.Optional;

/** One group: its contenders side by side, every sample visible. */
final class GroupPage {
  private GroupPage() {}

  static Element markup(Family family, Group group) {
    String quantity =
        group.benchmarks().getFirst().kind().equals(Units.TIME) ? "Time" : "Memory";
    Element page = Parts.page(Links.group(group.name()), group.name())
        .add(
            Parts.path(Element.link(Links.family(family.name()), family.name())),
            Parts.heading(group.name()));
    group.size()
        .ifPresent(size -> page.add(element("p", "facts").text("Size of the work: " + size)));
    Element chart =
        Parts.chart(
            "spread",
            quantity
                + " of each sample by contender, with medians; the table below has the numbers",
            group.benchmarks())
            .with("style", "--rows:" + group.benchmarks().size());
    return page.add(
        Parts.figure(
            quantity + " by contender",
            chart,
            Parts.note(
                "Each dot is a sample, the large symbol is the median with its 95% interval. The axis is"
                    + " logarithmic; left is better.")),
        element("h2").text("Estimates"),
        table(group),
        element("h2").text("What is timed"),
        descriptions(group));
  }

  private static Element table(Group group) {
    return Parts.table(
        "Estimates of " + group.name(),
        List.of(
            "Contender", "Median, 95% interval", "Mean", "Std dev", "MAD", "Throughput",
            "Outliers", "Against " + group.yardstick().contender().name(), "Change"),
        group.benchmarks().stream().map(benchmark -> row(group, benchmark)).toList());
  }

  private static Element row(Group group, Benchmark benchmark) {
    Estimates estimates = benchmark.estimates();
    String kind = benchmark.kind();
    Optional<Comparison> comparison = benchmark.comparison();
    return element("tr")
        .add(
            element("th")
                .with("scope", "row")
                .add(
                    Parts.symbol(benchmark.contender()),
                    Element.link(Links.benchmark(benchmark), benchmark.contender().name())),
            Parts.number(Parts.point(kind, estimates.median()))
                .add(element("span", "interval").text(Parts.interval(kind, estimates.median()))),
            Parts.number(Parts.point(kind, estimates.mean())),
            Parts.number(Parts.point(kind, estimates.stdDev())),
            Parts.number(Parts.point(kind, estimates.mad())),
            Parts.number(
                benchmark.rate().map(rate -> Parts.point(Parts.rateKind(benchmark), rate))
                    .orElse("–")),
            Parts.number(
                estimates.outliers().count() + " of " + benchmark.samples().totals().length),
            Parts.cell(Ratio.words(group, benchmark)),
            element("td")
                .add(
                    comparison.map(Parts::verdict)
                        .orElseGet(() -> element("span", "verdict new").text("○ not compared"))));
  }

  private static Element descriptions(Group group) {
    Element list = element("dl", "descriptions");
    for (Benchmark benchmark : group.benchmarks()) {
      list.add(
          element("dt").add(Parts.contender(benchmark.contender())),
          element("dd").text(benchmark.samples().description()));
    }
    return list;
  }
}
