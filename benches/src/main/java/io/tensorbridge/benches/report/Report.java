package io.tensorbridge.benches.report;

import static io.tensorbridge.benches.report.Element.element;

import io.tensorbridge.benches.ResultStore;
import io.tensorbridge.benches.report.Catalog.Benchmark;
import io.tensorbridge.benches.report.Catalog.Family;
import io.tensorbridge.benches.report.Catalog.Group;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Properties;

/** Writes the page that shows all results: one file, which needs no network and no other file. */
public final class Report {
  private static final String WEBJAR = "/META-INF/maven/org.webjars/echarts/pom.properties";

  private Report() {}

  /**
   * Writes the report of a store.
   *
   * @param store whose last runs are shown
   * @param file where it shall lie; replaced if it exists, and never seen half written
   * @throws IOException if a result can't be read or the file can't be written
   */
  public static void write(ResultStore store, Path file) throws IOException {
    String page = page(Catalog.read(store));
    Path folder = file.toAbsolutePath().getParent();
    Files.createDirectories(folder);
    // Not a temporary file, which nobody else may read: reports are for sharing.
    Path fresh = file.resolveSibling("." + file.getFileName() + ".part");
    try {
      Files.writeString(fresh, page);
      Files.move(
          fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(fresh);
    }
  }

  static String page(Catalog catalog) throws IOException {
    Element main = element("main").with("id", "main").add(new IndexPage(catalog).markup());
    for (Family family : catalog.families()) {
      main.add(new FamilyPage(family).markup());
      for (Group group : family.groups()) {
        main.add(GroupPage.markup(family, group));
        for (Benchmark benchmark : group.benchmarks()) {
          main.add(new BenchmarkPage(family, group, benchmark).markup());
        }
      }
    }
    main.add(MachinePage.markup(catalog))
        .add(
            Parts.page(Links.ABOUT, "Understanding this report").verbatim(resource("about.html")));
    Element html = element("html").with("lang", "en").add(head());
    html.add(
        element("body")
            .add(header(), main)
            .add(
                element("script")
                    .with("type", "application/json")
                    .with("id", "data")
                    .verbatim(PageData.of(catalog).embedded()),
                element("script").verbatim(chartsLibrary()),
                element("script").verbatim(resource("charts.js")),
                element("script").verbatim(resource("page.js"))));
    return "<!DOCTYPE html>\n" + html + "\n";
  }

  private static Element head() throws IOException {
    return element("head")
        .add(
            element("meta").with("charset", "utf-8"),
            element("title").text("Tensorbridge benchmarks"),
            element("meta")
                .with("name", "viewport")
                .with("content", "width=device-width, initial-scale=1"),
            element("meta").with("name", "color-scheme").with("content", "light dark"),
            element("style").verbatim(resource("page.css")),
            // Before anything is drawn: with script, only the chosen page is shown.
            element("script").verbatim("document.documentElement.className = 'js';"));
  }

  private static Element header() {
    return element("header", "site")
        .add(
            element("a", "skip").with("href", "#main").text("Skip to the content"),
            element("nav")
                .with("aria-label", "Report")
                .add(
                    Element.link(Links.INDEX, "Tensorbridge benchmarks").with("class", "brand"),
                    Element.link(Links.MACHINE, "Machine"),
                    Element.link(Links.ABOUT, "Understanding this report")));
  }

  private static String chartsLibrary() throws IOException {
    Properties properties = new Properties();
    properties.load(new StringReader(absolute(WEBJAR)));
    String script = absolute("/META-INF/resources/webjars/echarts/"
        + properties.getProperty("version") + "/echarts.min.js");
    // Inside a script element, these would end it or hide what follows.
    if (script.contains("</script") || script.contains("<!--")) {
      throw new IOException("the charts library can't be inlined: it holds </script or <!--");
    }
    return script;
  }

  private static String resource(String name) throws IOException {
    return absolute("/io/tensorbridge/benches/report/" + name);
  }

  private static String absolute(String name) throws IOException {
    try (InputStream stream = Report.class.getResourceAsStream(name)) {
      if (stream == null) {
        throw new IOException(
            "no resource " + name + " on the class path; start with -cp 'benches/target/lib/*'");
      }
      return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
