package io.tensorbridge.benches.report;

import static io.tensorbridge.benches.report.Element.element;

import io.tensorbridge.benches.compare.Comparison;
import io.tensorbridge.benches.compare.Comparison.Verdict;
import io.tensorbridge.benches.report.Catalog.Benchmark;
import io.tensorbridge.benches.report.Catalog.Family;
import io.tensorbridge.benches.report.Catalog.Group;
import io.tensorbridge.benches.sample.Samples;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/** The first page: every benchmark in a line. */
final class IndexPage {
  private final Catalog catalog;

  IndexPage(Catalog catalog) {
    this.catalog = catalog;
  }

  Element markup() {
    Element page = Parts.page(Links.INDEX, "Benchmarks").add(Parts.heading("Benchmarks"));
    if (catalog.families().isEmpty()) {
      return page.add(
          element("p").text("This store holds no results yet. Run some benchmarks first."));
    }
    return page.add(element("p", "facts").text(facts()))
        .add(mixed())
        .add(tools(), families())
        .add(catalog.families().stream().map(IndexPage::family).toList());
  }

  /** Date, machine and versions in a line. */
  private String facts() {
    Samples latest = latest();
    List<String> facts = new ArrayList<>();
    facts.add(Parts.date(latest.started()));
    facts.addAll(MachinePage.summary(latest.environment()));
    return String.join(" · ", facts);
  }

  private Samples latest() {
    return catalog.benchmarks().stream()
        .map(Benchmark::samples)
        .max(Comparator.comparing(Samples::started))
        .orElseThrow();
  }

  /** A filtered run leaves the others' results in place: say so. */
  private List<Element> mixed() {
    String latest = latest().started();
    long older =
        catalog.benchmarks().stream().filter(b -> !b.samples().started().equals(latest)).count();
    return older == 0
        ? List.of()
        : List.of(
            Parts.note(
                older + " of " + catalog.benchmarks().size()
                    + " benchmarks come from earlier runs."));
  }

  private Element tools() {
    Element counts =
        element("div", "counts").with("role", "group").with("aria-label", "Show by change");
    for (Verdict verdict : Verdict.values()) {
      counts.add(
          count(
              Parts.styleClass(verdict),
              Parts.sign(verdict),
              Parts.word(verdict),
              compared().filter(comparison -> comparison.verdict() == verdict).count()));
    }
    long compared = compared().count();
    counts.add(count("new", "○", "not compared", catalog.benchmarks().size() - compared));
    return element("div", "tools")
        .add(
            counts,
            element("label", "filter")
                .text("Filter ")
                .add(
                    element("input")
                        .with("type", "search")
                        .with("id", "filter")
                        .with("autocomplete", "off")
                        .with("placeholder", "numpy, 40mb, legacy …")),
            element("p", "found").with("id", "found").with("role", "status"));
  }

  private Stream<Comparison> compared() {
    return catalog.benchmarks().stream().flatMap(benchmark -> benchmark.comparison().stream());
  }

  private static Element count(String styleClass, String sign, String word, long count) {
    return element("button", "count " + styleClass)
        .with("type", "button")
        .with("aria-pressed", "false")
        .with("data-change", styleClass)
        .add(
            element("span").with("aria-hidden", "true").text(sign + " "),
            element("b").text(Long.toString(count)))
        .text(" " + word);
  }

  private Element families() {
    Element list = element("ul");
    for (Family family : catalog.families()) {
      list.add(element("li").add(Element.link(Links.family(family.name()), family.name())));
    }
    return element("nav", "families").with("aria-label", "Families").add(list);
  }

  private static Element family(Family family) {
    Element heading =
        element("h2").add(Element.link(Links.family(family.name()), family.name()));
    return element("section", "family")
        .with("aria-label", "Family " + family.name())
        .add(heading)
        .add(family.groups().stream().map(group -> group(family, group)).toList());
  }

  private static Element group(Family family, Group group) {
    Element heading = element("h3").add(Element.link(Links.group(group.name()), group.name()));
    group.size().ifPresent(size -> heading.add(element("span", "size").text(" " + size)));
    boolean rates = group.benchmarks().stream().anyMatch(b -> b.throughput().isPresent());
    boolean rateFirst = family.isKernels() && rates;
    String first = rateFirst ? "Throughput" : quantity(group);
    String second = rateFirst ? quantity(group) : "Throughput";
    boolean legacy = group.yardstick().contender().role() == Samples.Role.LEGACY;
    List<String> heads =
        List.of(
            "Contender", first, second, "Distribution",
            legacy ? "Against legacy" : "Against the fastest",
            "Change");
    return element("section", "group")
        .with("aria-label", "Group " + group.name())
        .add(
            heading,
            Parts.table(
                "Benchmarks of " + group.name(),
                heads,
                group.benchmarks().stream().map(b -> row(group, b, rateFirst)).toList()));
  }

  private static String quantity(Group group) {
    return group.benchmarks().getFirst().samples().quantity() == Samples.Quantity.TIME
        ? "Median time"
        : "Median memory";
  }

  private static Element row(Group group, Benchmark benchmark, boolean rateFirst) {
    Element name =
        element("th")
            .with("scope", "row")
            .add(
                Parts.symbol(benchmark.contender()),
                Element.link(Links.benchmark(benchmark), benchmark.contender().name())
                    .with("title", benchmark.samples().description()));
    Element median =
        element("td", "number main")
            .add(element("b").text(Parts.point(benchmark.kind(), benchmark.estimates().median())))
            .add(
                element("span", "interval")
                    .text(Parts.interval(benchmark.kind(), benchmark.estimates().median())));
    Element rate = element("td", "number rate");
    benchmark.rate()
        .ifPresent(
            estimate -> rate
                .add(element("b").text(Parts.point(Parts.rateKind(benchmark), estimate)))
                .add(
                    element("span", "interval")
                        .text(Parts.interval(Parts.rateKind(benchmark), estimate))));
    Optional<Comparison> comparison = benchmark.comparison();
    return element("tr")
        .with("data-name", searched(benchmark))
        .with(
            "data-change",
            comparison.map(Comparison::verdict).map(Parts::styleClass).orElse("new"))
        .add(
            name,
            rateFirst ? rate : median,
            rateFirst ? median : rate,
            distribution(benchmark),
            element("td", "against")
                .add(Ratio.bar(group, benchmark))
                .add(element("span").text(Ratio.words(group, benchmark))),
            element("td", "change")
                .add(
                    comparison.map(Parts::verdict)
                        .orElseGet(() -> element("span", "verdict new").text("○ not compared"))));
  }

  private static String searched(Benchmark benchmark) {
    Samples samples = benchmark.samples();
    return String.join(
        " ",
        samples.family(),
        samples.id(),
        samples.role().name().toLowerCase(Locale.ROOT))
        .toLowerCase(Locale.ROOT);
  }

  private static Element distribution(Benchmark benchmark) {
    Element cell = element("td", "distribution");
    if (Density.of(benchmark.samples().averages(), benchmark.estimates().outliers()).isEmpty()) {
      return cell.text(benchmark.samples().totals().length == 1 ? "one sample" : "all equal");
    }
    String label = "Distribution of " + benchmark.samples().id();
    return cell.add(Parts.chart("mini", label, List.of(benchmark)));
  }
}
