package io.tensorbridge.benches.report;

import static io.tensorbridge.benches.report.Element.element;

import io.tensorbridge.benches.report.Catalog.Benchmark;
import io.tensorbridge.benches.sample.Samples;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Facts of machine and software, and how patient each run was. */
final class MachinePage {
  /** What a single line of facts tells, in this order, as far as the environment has it. */
  private static final List<String> SUMMARY =
      List.of("CPU", "cores", "memory", "kernel", "JDK", "Python", "NumPy", "Tensorbridge");

  private MachinePage() {}

  static List<String> summary(Map<String, String> environment) {
    List<String> summary = new ArrayList<>();
    for (String name : SUMMARY) {
      String fact = environment.get(name);
      if (fact != null) {
        // A bare number or version says nothing without its name.
        boolean bare = !fact.isEmpty() && Character.isDigit(fact.charAt(0));
        summary.add(
            switch (name) {
              case "cores" -> fact + " cores";
              case "memory" -> fact;
              default -> bare ? name + " " + fact : fact;
            });
      }
    }
    return summary;
  }

  static Element markup(Catalog catalog) {
    Element page = Parts.page(Links.MACHINE, "Machine and versions")
        .add(Parts.path(), Parts.heading("Machine and versions"));
    Map<Facts, List<Benchmark>> runs = new LinkedHashMap<>();
    for (Benchmark benchmark : catalog.benchmarks()) {
      runs.computeIfAbsent(Facts.of(benchmark.samples()), facts -> new ArrayList<>())
          .add(benchmark);
    }
    if (runs.size() > 1) {
      page.add(
          Parts.note(
              "Benchmarks of this store were measured with different facts; each table names those"
                  + " that it holds for."));
    }
    runs.forEach((facts, benchmarks) -> page.add(section(facts, benchmarks)));
    return page;
  }

  private static Element section(Facts facts, List<Benchmark> benchmarks) {
    List<Element> rows = new ArrayList<>();
    rows.add(row("Samples taken by", facts.tool()));
    new TreeMap<>(facts.environment()).forEach((name, value) -> rows.add(row(name, value)));
    new TreeMap<>(facts.options()).forEach((name, value) -> rows.add(row("option " + name, value)));
    Element list = element("ul", "members");
    for (Benchmark benchmark : benchmarks) {
      list.add(
          element("li").add(Element.link(Links.benchmark(benchmark), benchmark.samples().id())));
    }
    String title = Parts.date(facts.started());
    return element("section")
        .with("aria-label", "Run of " + title)
        .add(
            element("h2").text(title),
            Parts.table("Facts of the run of " + title, List.of("Fact", "Value"), rows),
            element("details")
                .add(element("summary").text(benchmarks.size() + " benchmarks of this run"), list));
  }

  private static Element row(String name, String value) {
    return element("tr")
        .add(element("th").with("scope", "row").text(name), element("td", "fact").text(value));
  }

  /** What all benchmarks of one run by one tool have in common. */
  private record Facts(
      String started, String tool, Map<String, String> environment, Map<String, String> options) {

    static Facts of(Samples samples) {
      return new Facts(
          samples.started(), samples.tool(), samples.environment(), samples.options());
    }
  }
}
