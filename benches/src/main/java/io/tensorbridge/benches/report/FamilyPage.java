package io.tensorbridge.benches.report;

import static io.tensorbridge.benches.report.Element.element;

import io.tensorbridge.benches.Units;
import io.tensorbridge.benches.estimate.Estimate;
import io.tensorbridge.benches.report.Catalog.Benchmark;
import io.tensorbridge.benches.report.Catalog.Contender;
import io.tensorbridge.benches.report.Catalog.Family;
import io.tensorbridge.benches.report.Catalog.Group;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** One family: how the contenders fare as the work grows, or from group to group. */
final class FamilyPage {
  private final Family family;

  FamilyPage(Family family) {
    this.family = family;
  }

  Element markup() {
    Element page = Parts.page(Links.family(family.name()), family.name())
        .add(Parts.path(), Parts.heading(family.name()), groups());
    List<Element> figures = new ArrayList<>();
    byKind(benchmark -> Optional.of(benchmark.kind()))
        .forEach((kind, benchmarks) -> figures.add(values(kind, benchmarks)));
    List<Element> rates = new ArrayList<>();
    byKind(benchmark -> benchmark.rate().map(rate -> Parts.rateKind(benchmark)))
        .forEach((kind, benchmarks) -> rates.add(rates(kind, benchmarks)));
    figures.addAll(family.isKernels() ? 0 : figures.size(), rates);
    return page.add(figures);
  }

  private Element groups() {
    Element list = element("ul");
    for (Group group : family.groups()) {
      list.add(element("li").add(Element.link(Links.group(group.name()), group.name())));
    }
    return element("nav", "families").with("aria-label", "Groups").add(list);
  }

  private Map<String, List<Benchmark>> byKind(Function<Benchmark, Optional<String>> kind) {
    Map<String, List<Benchmark>> kinds = new LinkedHashMap<>();
    for (Benchmark benchmark : family.benchmarks()) {
      kind.apply(benchmark)
          .ifPresent(
              of -> kinds.computeIfAbsent(of, name -> new ArrayList<>()).add(benchmark));
    }
    return kinds;
  }

  private Element values(String kind, List<Benchmark> benchmarks) {
    String quantity = kind.equals(Units.TIME) ? "Time" : "Memory";
    return figure(
        quantity,
        "Lower is better.",
        "values",
        benchmarks,
        benchmark -> Optional.of(benchmark.estimates().median()),
        kind);
  }

  private Element rates(String kind, List<Benchmark> benchmarks) {
    return figure(
        kind.equals("bytes/s") ? "Throughput" : "Throughput in " + kind,
        "Higher is better.",
        "rates",
        benchmarks,
        Benchmark::rate,
        kind);
  }

  private Element figure(
      String what,
      String better,
      String chart,
      List<Benchmark> benchmarks,
      Function<Benchmark, Optional<Estimate>> estimate,
      String kind) {
    List<Contender> contenders =
        family.contenders().stream()
            .filter(c -> benchmarks.stream().anyMatch(b -> b.contender().equals(c)))
            .toList();
    String over = family.hasSizes() ? " against size" : " by group and contender";
    String label =
        what + over + " in family " + family.name() + ", logarithmic; the table has the numbers";
    Element place =
        Parts.chart((family.hasSizes() ? "lines-" : "dots-") + chart, label, benchmarks)
            .with("style", "--rows:" + (benchmarks.size() + family.groups().size()));
    List<Element> rows =
        contenders.stream().map(contender -> row(contender, benchmarks, estimate, kind)).toList();
    List<String> heads = new ArrayList<>(List.of("Contender"));
    for (Group group : family.groups()) {
      heads.add(family.hasSizes() ? group.size().orElseThrow() : group.name());
    }
    return element("section")
        .with("aria-label", what)
        .add(
            Parts.figure(
                what + over,
                place,
                Parts.legend(contenders),
                Parts.note(
                    better
                        + " Medians with 95% intervals; axes are logarithmic."
                        + (family.hasSizes() ? " Choose a contender to hide or show it." : ""))),
            Parts.table(what + " of " + family.name(), heads, rows));
  }

  private Element row(
      Contender contender,
      List<Benchmark> benchmarks,
      Function<Benchmark, Optional<Estimate>> estimate,
      String kind) {
    Element row =
        element("tr").add(element("th").with("scope", "row").add(Parts.contender(contender)));
    for (Group group : family.groups()) {
      Element cell = element("td", "number");
      for (Benchmark benchmark : group.benchmarks()) {
        Optional<Estimate> value = estimate.apply(benchmark);
        if (benchmark.contender().equals(contender)
            && benchmarks.contains(benchmark)
            && value.isPresent()) {
          cell.add(
              Element.link(Links.benchmark(benchmark), Parts.point(kind, value.get())),
              element("span", "interval").text(Parts.interval(kind, value.get())));
        }
      }
      row.add(cell);
    }
    return row;
  }
}
