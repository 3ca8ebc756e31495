package io.tensorbridge.benches.report;

import static io.tensorbridge.benches.report.Element.element;

import io.tensorbridge.benches.ResultStore;
import io.tensorbridge.benches.Units;
import io.tensorbridge.benches.compare.Comparison;
import io.tensorbridge.benches.estimate.Estimate;
import io.tensorbridge.benches.estimate.Estimates;
import io.tensorbridge.benches.estimate.Outliers;
import io.tensorbridge.benches.report.Catalog.Benchmark;
import io.tensorbridge.benches.report.Catalog.Family;
import io.tensorbridge.benches.report.Catalog.Group;
import io.tensorbridge.benches.sample.Samples;
import io.tensorbridge.benches.sample.Samples.Figure;
import io.tensorbridge.benches.sample.Samples.Quantity;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

/** One benchmark: everything that its samples say. */
final class BenchmarkPage {
  private final Family family;
  private final Group group;
  private final Benchmark benchmark;
  private final Samples samples;
  private final Estimates estimates;
  private final String kind;
  private final String id;
  private final boolean time;

  BenchmarkPage(Family family, Group group, Benchmark benchmark) {
    this.family = family;
    this.group = group;
    this.benchmark = benchmark;
    this.samples = benchmark.samples();
    this.estimates = benchmark.estimates();
    this.kind = benchmark.kind();
    this.id = samples.id();
    this.time = samples.quantity() == Quantity.TIME;
  }

  Element markup() {
    Element page = Parts.page(Links.benchmark(benchmark), id)
        .add(
            Parts.path(
                Element.link(Links.family(family.name()), family.name()),
                Element.link(Links.group(group.name()), group.name())),
            Parts.heading(id),
            element("p", "lead").text(samples.description()),
            element("p", "facts").add(Parts.roleBadge(samples.role())).text(" " + taken()),
            siblings(),
            headline());
    if (samples.totals().length > 1) {
      page.add(distribution(), trend());
      if (estimates.slope() != null) {
        page.add(regression(estimates.slope()));
      }
    } else {
      page.add(Parts.note("A single sample: nothing can be said of its spread."));
    }
    return page.add(comparison())
        .add(element("h2").text("Estimates"), estimatesTable())
        .add(figures());
  }

  private String taken() {
    long launches = Arrays.stream(samples.launches()).distinct().count();
    long least = Arrays.stream(samples.iterations()).min().orElse(0);
    long most = Arrays.stream(samples.iterations()).max().orElse(0);
    String iterations =
        least == most
            ? counted(least, "iteration")
            : String.format(Locale.ROOT, "%,d to %,d iterations", least, most);
    return counted(samples.totals().length, "sample")
        + " of "
        + iterations
        + " from "
        + counted(launches, "launch")
        + ", taken by "
        + samples.tool()
        + ", "
        + Parts.date(samples.started());
  }

  private static String counted(long count, String what) {
    String plural = what.endsWith("h") ? "es" : "s";
    return String.format(Locale.ROOT, "%,d %s%s", count, what, count == 1 ? "" : plural);
  }

  private Element siblings() {
    Element list = element("ul");
    for (Benchmark other : group.benchmarks()) {
      Element link = Element.link(Links.benchmark(other), other.contender().name());
      if (other.index() == benchmark.index()) {
        link.with("aria-current", "page");
      }
      list.add(element("li").add(link));
    }
    return element("nav", "families").with("aria-label", "Contenders of the group").add(list);
  }

  /** The figures that people come for, large. */
  private Element headline() {
    Element list = element("dl", "headline");
    list.add(
        tile(
            time ? "Median time" : "Median memory",
            Parts.point(kind, estimates.median()),
            Parts.interval(kind, estimates.median())));
    benchmark.rate()
        .ifPresent(
            rate -> list.add(
                tile(
                    "Throughput",
                    Parts.point(Parts.rateKind(benchmark), rate),
                    Parts.interval(Parts.rateKind(benchmark), rate))));
    if (group.benchmarks().size() > 1) {
      String words = Ratio.words(group, benchmark);
      list.add(
          benchmark.index() == group.yardstick().index()
              ? tile("In its group", words, group.benchmarks().size() + " contenders")
              : tile("In its group", words, "than " + group.yardstick().contender().name()));
    }
    benchmark.comparison()
        .ifPresent(
            comparison -> list.add(
                element("div")
                    .add(
                        element("dt").text("Change"),
                        element("dd", "value").add(Parts.verdict(comparison)),
                        element("dd", "interval")
                            .text("against " + earlier(comparison) + ", " + pValue(comparison)))));
    return list;
  }

  private static Element tile(String name, String value, String detail) {
    return element("div")
        .add(
            element("dt").text(name),
            element("dd", "value").text(value),
            element("dd", "interval").text(detail));
  }

  private Element distribution() {
    Optional<Density> density = Density.of(samples.averages(), estimates.outliers());
    if (density.isEmpty()) {
      return Parts.note("All samples are equal: there is no distribution to draw.");
    }
    Element chart =
        Parts.chart(
            "density",
            String.format(
                Locale.ROOT,
                "Probability density of the samples of %s: median %s, mean %s, %d outliers",
                id,
                Parts.point(kind, estimates.median()),
                Parts.point(kind, estimates.mean()),
                estimates.outliers().count()),
            List.of(benchmark));
    List<Element> below = new ArrayList<>();
    below.add(
        key(
            "line-median", "median " + Parts.point(kind, estimates.median()),
            "line-mean", "mean " + Parts.point(kind, estimates.mean()),
            "line-mild", "mild fences",
            "line-severe", "severe fences"));
    below.add(outlierKey());
    double[] beyond = density.get().beyond(samples.averages());
    if (beyond.length > 0) {
      below.add(
          Parts.note(
              "Not in the picture, since "
                  + (beyond.length == 1 ? "it lies" : "they lie")
                  + " too far out: "
                  + listed(beyond)
                  + "."));
    }
    return Parts.figure("Distribution", chart, below.toArray(Element[]::new));
  }

  private String listed(double[] values) {
    int shown = Math.min(values.length, 8);
    List<String> names = new ArrayList<>();
    for (double value : Arrays.copyOf(values, shown)) {
      names.add(Units.format(kind, value));
    }
    return String.join(", ", names)
        + (values.length > shown ? " and " + (values.length - shown) + " more" : "");
  }

  private static Element key(String... classesAndTexts) {
    Element list = element("ul", "key");
    for (int i = 0; i < classesAndTexts.length; i += 2) {
      list.add(
          element("li")
              .add(element("span", "line " + classesAndTexts[i]).with("aria-hidden", "true"))
              .text(classesAndTexts[i + 1]));
    }
    return list;
  }

  private Element outlierKey() {
    Outliers outliers = estimates.outliers();
    int inside = samples.totals().length - outliers.count();
    int mild = outliers.lowMild() + outliers.highMild();
    int severe = outliers.lowSevere() + outliers.highSevere();
    return element("ul", "key")
        .add(
            classKey("inside", "●", inside + " within the fences"),
            classKey(
                "mild", "◆",
                mild + " mild outliers (" + outliers.lowMild() + " low, " + outliers.highMild()
                    + " high)"),
            classKey(
                "severe", "▲",
                severe
                    + " severe ("
                    + outliers.lowSevere()
                    + " low, "
                    + outliers.highSevere()
                    + " high)"));
  }

  private static Element classKey(String styleClass, String glyph, String text) {
    return element("li")
        .add(element("span", "symbol " + styleClass).with("aria-hidden", "true").text(glyph))
        .text(text);
  }

  private Element trend() {
    return Parts.figure(
        "Samples in the order they were taken",
        Parts.chart(
            "trend",
            "Samples of " + id + " in the order they were taken, coloured by launch",
            List.of(benchmark)),
        Parts.note(
            "Colours are launches, symbols are outlier classes, the line is the median. A step or a"
                + " slope tells that the machine changed under the run."));
  }

  private Element regression(Estimate slope) {
    return Parts.figure(
        (time ? "Time" : "Memory") + " against iterations",
        Parts.chart(
            "regression",
            "Total of each sample against its iterations for "
                + id
                + ", slope "
                + Parts.point(kind, slope),
            List.of(benchmark)),
        Parts.note(
            "Slope "
                + Parts.point(kind, slope)
                + " an iteration, 95% interval "
                + Parts.interval(kind, slope)
                + ". Points that leave the line mean that the cost of an iteration depends on how many"
                + " there are."));
  }

  private List<Element> comparison() {
    if (benchmark.comparison().isEmpty()) {
      return List.of(
          element("h2").text("Comparison"),
          element("p").text("There was no earlier run to compare with."));
    }
    Comparison comparison = benchmark.comparison().get();
    List<Element> parts = new ArrayList<>();
    parts.add(element("h2").text("Comparison with " + earlier(comparison)));
    parts.add(
        element("p", "verdict-sentence " + Parts.styleClass(comparison.verdict()))
            .text(sentence(comparison)));
    if (!comparison.environmentChanges().isEmpty()) {
      Element list = element("ul");
      comparison.environmentChanges().forEach(change -> list.add(element("li").text(change)));
      parts.add(
          element("div", "warning")
              .add(
                  element("p").text(
                      "Machine or software differ between the two runs, so the change may not come from"
                          + " the code:"),
                  list));
    }
    parts.add(
        Parts.figure(
            "Relative change",
            Parts.chart(
                "change",
                "Relative change of median and mean of " + id
                    + " with intervals and the noise band",
                List.of(benchmark)),
            Parts.note(
                "Dots are the changes of median and mean with their 95% intervals; the band is the noise"
                    + " threshold of ±"
                    + Units.change(comparison.noiseThreshold()).substring(1)
                    + ".")));
    if (hasDensities()) {
      parts.add(
          Parts.figure(
              "Both runs",
              Parts.chart(
                  "overlay", "Probability densities of both runs of " + id, List.of(benchmark)),
              key("line-now", "this run", "line-before", earlier(comparison))));
    }
    parts.add(changeTable(comparison));
    return parts;
  }

  private boolean hasDensities() {
    return benchmark.before().isPresent()
        && Density.of(samples.averages(), estimates.outliers()).isPresent()
        && Density.of(
            benchmark.before().get().samples().averages(),
            benchmark.before().get().estimates().outliers()).isPresent();
  }

  private static String earlier(Comparison comparison) {
    String run =
        comparison.baseline().equals(ResultStore.BASE)
            ? "the run"
            : "baseline " + comparison.baseline();
    return run + " of " + Parts.date(comparison.baselineStarted());
  }

  private String sentence(Comparison comparison) {
    Estimate change = comparison.median();
    String moved =
        "The median went "
            + (change.point() < 0 ? "down" : "up")
            + " by "
            + Units.change(change.point()).substring(1)
            + " (95% interval "
            + Units.change(change.low())
            + " to "
            + Units.change(change.high())
            + ", "
            + pValue(comparison)
            + ")";
    String threshold = "±" + Units.change(comparison.noiseThreshold()).substring(1);
    return switch (comparison.verdict()) {
      case IMPROVED ->
          "Improved. " + moved + ": surely less " + (time ? "time" : "memory")
              + " than before, by more than the noise threshold of " + threshold + ".";
      case NO_CHANGE ->
          "No change. " + moved + ", which doesn't surely stand out of the noise threshold of "
              + threshold + ".";
      case REGRESSED ->
          "Regressed. " + moved + ": surely more " + (time ? "time" : "memory")
              + " than before, by more than the noise threshold of " + threshold + ".";
    };
  }

  private static String pValue(Comparison comparison) {
    double p = comparison.pValue();
    return p < 0.0001 ? "p < 0.0001" : String.format(Locale.ROOT, "p = %.4f", p);
  }

  private Element changeTable(Comparison comparison) {
    List<Element> rows = new ArrayList<>();
    rows.add(changeRow("Median", comparison.median(), Estimates::median));
    rows.add(changeRow("Mean", comparison.mean(), Estimates::mean));
    return Parts.table(
        "Change of " + id,
        List.of("Estimate", "Change", "95% interval", "Before", "Now"),
        rows);
  }

  private Element changeRow(
      String name, Estimate change, Function<Estimates, Estimate> estimate) {
    return element("tr")
        .add(
            element("th").with("scope", "row").text(name),
            Parts.number(Units.change(change.point())),
            Parts.number(Units.change(change.low()) + " to " + Units.change(change.high())),
            Parts.number(
                benchmark.before()
                    .map(before -> Parts.point(kind, estimate.apply(before.estimates())))
                    .orElse("–")),
            Parts.number(Parts.point(kind, estimate.apply(estimates))));
  }

  private Element estimatesTable() {
    List<Element> rows = new ArrayList<>();
    rows.add(row("Median", kind, estimates.median()));
    rows.add(row("Mean", kind, estimates.mean()));
    if (estimates.slope() != null) {
      rows.add(row("Slope", kind, estimates.slope()));
    }
    rows.add(row("Standard deviation", kind, estimates.stdDev()));
    rows.add(row("Median absolute deviation", kind, estimates.mad()));
    benchmark.rate()
        .ifPresent(rate -> rows.add(row("Throughput", Parts.rateKind(benchmark), rate)));
    new TreeMap<>(estimates.figures()).forEach(
        (name, estimate) -> rows.add(row("Median of " + name, figureKind(name), estimate)));
    return Parts.table(
        "Estimates of " + id,
        List.of("Estimate", "Value", "95% interval", "Standard error"),
        rows);
  }

  private static Element row(String name, String kind, Estimate estimate) {
    return element("tr")
        .add(
            element("th").with("scope", "row").text(name),
            Parts.number(Parts.point(kind, estimate)),
            Parts.number(Parts.interval(kind, estimate)),
            Parts.number(Units.format(kind, estimate.standardError())));
  }

  private String figureKind(String name) {
    Figure figure = samples.figures().get(name);
    return figure == null ? "" : kind(figure);
  }

  private static String kind(Figure figure) {
    return figure.unit().equals("ns") ? Units.TIME : figure.unit();
  }

  private List<Element> figures() {
    List<Element> figures = new ArrayList<>();
    new TreeMap<>(samples.figures()).forEach(
        (name, figure) -> {
          if (figure.values().length > 1) {
            figures.add(
                Parts.figure(
                    "Further figure: " + name,
                    Parts.chart(
                        "figure", name + " of each sample of " + id, List.of(benchmark))
                        .with("data-figure", name)
                        .with("data-kind", kind(figure))));
          }
        });
    return figures;
  }
}
