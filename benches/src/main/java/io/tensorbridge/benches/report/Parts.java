package io.tensorbridge.benches.report;

import static io.tensorbridge.benches.report.Element.element;

import io.tensorbridge.benches.Units;
import io.tensorbridge.benches.compare.Comparison;
import io.tensorbridge.benches.compare.Comparison.Verdict;
import io.tensorbridge.benches.estimate.Estimate;
import io.tensorbridge.benches.report.Catalog.Benchmark;
import io.tensorbridge.benches.report.Catalog.Contender;
import io.tensorbridge.benches.sample.Samples.Role;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Pieces of markup that several pages have. */
final class Parts {
  /** How many colours a role has in {@code page.css}; further contenders share them. */
  private static final int SHADES = 6;

  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("d MMMM uuuu, HH:mm 'UTC'", Locale.ENGLISH);

  private Parts() {}

  static Element page(String id, String title) {
    return element("section", "page")
        .with("id", id)
        .with("data-title", title)
        .with("aria-label", title);
  }

  static Element heading(String text) {
    return element("h1").with("tabindex", "-1").text(text);
  }

  /** Where the reader is: links upward. */
  static Element path(Element... links) {
    Element list = element("ol").add(element("li").add(Element.link(Links.INDEX, "Benchmarks")));
    for (Element link : links) {
      list.add(element("li").add(link));
    }
    return element("nav", "path").with("aria-label", "Path").add(list);
  }

  /** A table in a box of its own that scrolls where the window is narrow. */
  static Element table(String label, List<String> heads, List<Element> rows) {
    Element head = element("tr");
    for (String text : heads) {
      head.add(element("th").with("scope", "col").text(text));
    }
    return element("div", "scroll")
        .with("role", "region")
        .with("tabindex", "0")
        .with("aria-label", label)
        .add(
            element("table")
                .add(element("caption", "unseen").text(label))
                .add(element("thead").add(head), element("tbody").add(rows)));
  }

  static Element cell(String text) {
    return element("td").text(text);
  }

  static Element number(String text) {
    return element("td", "number").text(text);
  }

  /**
   * A place that {@code page.js} fills with a chart of that kind.
   *
   * @param kind a function of {@code charts.js}
   * @param label what it shows, for those who can't see it
   * @param benchmarks whose data it draws
   * @return the place
   */
  static Element chart(String kind, String label, Collection<Benchmark> benchmarks) {
    return element("div", "chart chart-" + kind)
        .with("role", "img")
        .with("aria-label", label)
        .with("data-chart", kind)
        .with(
            "data-benchmarks",
            benchmarks.stream()
                .map(benchmark -> Integer.toString(benchmark.index()))
                .collect(Collectors.joining(" ")));
  }

  /** A chart with its title, and what stands below it. */
  static Element figure(String title, Element chart, Element... below) {
    return element("figure")
        .add(element("h2").text(title), chart)
        .add(below);
  }

  static Element note(String text) {
    return element("p", "note").text(text);
  }

  /** Symbol and name of a contender. */
  static Element contender(Contender contender) {
    return element("span", "contender").add(symbol(contender),
        element("span").text(contender.name()));
  }

  static Element symbol(Contender contender) {
    return element("span", "symbol " + shade(contender))
        .with("title", role(contender.role()))
        .with("aria-hidden", "true")
        .text(glyph(contender.role()));
  }

  /** The class, and the name of the colour, of a contender. */
  static String shade(Contender contender) {
    return contender.role().name().toLowerCase(Locale.ROOT) + "-" + contender.shade() % SHADES;
  }

  /** The contenders of a chart; {@code page.js} lets the reader hide some. */
  static Element legend(Collection<Contender> contenders) {
    Element list = element("ul", "legend").with("aria-label", "Contenders in this chart");
    for (Contender contender : contenders) {
      list.add(
          element("li")
              .add(
                  element("button")
                      .with("type", "button")
                      .with("aria-pressed", "true")
                      .with("data-contender", contender.name())
                      .add(contender(contender))));
    }
    return list;
  }

  static Element roleBadge(Role role) {
    return element("span", "badge")
        .add(
            element("span", "symbol " + role.name().toLowerCase(Locale.ROOT) + "-0")
                .with("aria-hidden", "true")
                .text(glyph(role)))
        .text(" " + role(role));
  }

  static String role(Role role) {
    return switch (role) {
      case OURS -> "Tensorbridge";
      case LEGACY -> "legacy";
      case PEER -> "another project";
      case BOUND -> "bound of the machine";
    };
  }

  private static String glyph(Role role) {
    return switch (role) {
      case OURS -> "●";
      case LEGACY -> "◆";
      case PEER -> "▲";
      case BOUND -> "■";
    };
  }

  /** A verdict with a colour, a sign and a word: no one needs to tell red from green. */
  static Element verdict(Comparison comparison) {
    String change = Units.change(comparison.median().point());
    return element("span", "verdict " + styleClass(comparison.verdict()))
        .add(element("span").with("aria-hidden", "true").text(sign(comparison.verdict())))
        .text(" " + change + " " + word(comparison.verdict()));
  }

  static String word(Verdict verdict) {
    return switch (verdict) {
      case IMPROVED -> "improved";
      case NO_CHANGE -> "no change";
      case REGRESSED -> "regressed";
    };
  }

  static String sign(Verdict verdict) {
    return switch (verdict) {
      case IMPROVED -> "▼";
      case NO_CHANGE -> "=";
      case REGRESSED -> "▲";
    };
  }

  static String styleClass(Verdict verdict) {
    return switch (verdict) {
      case IMPROVED -> "improved";
      case NO_CHANGE -> "unchanged";
      case REGRESSED -> "regressed";
    };
  }

  static String interval(String kind, Estimate estimate) {
    return Units.interval(kind, estimate.low(), estimate.high());
  }

  static String point(String kind, Estimate estimate) {
    return Units.format(kind, estimate.point());
  }

  static String rateKind(Benchmark benchmark) {
    return benchmark.throughput().map(throughput -> Units.rate(throughput.unit())).orElse("");
  }

  /** A time stamp for people; as it stands if it is none. */
  static String date(String started) {
    try {
      return OffsetDateTime.parse(started).withOffsetSameInstant(ZoneOffset.UTC).format(DATE);
    } catch (DateTimeParseException e) {
      return started;
    }
  }
}
