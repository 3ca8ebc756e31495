package io.tensorbridge.benches.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tensorbridge.benches.Json;
import io.tensorbridge.benches.Main;
import io.tensorbridge.benches.ResultStore;
import io.tensorbridge.benches.ResultStore.Result;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Attribute;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir
  static Path folder;
  private static ResultStore store;
  private static Document page;

  @BeforeAll
  static void write() throws IOException {
    store = SyntheticStore.write(folder.resolve("store"));
    Report.write(store, store.report());
    page = Jsoup.parse(Files.readString(store.report()));
  }

  @Test
  void embedded_data_equal_the_store() throws IOException {
    JsonNode entries = JSON.readTree(page.getElementById("data").data()).get("benchmarks");
    Set<String> ids = new TreeSet<>();
    for (JsonNode entry : entries) {
      String id =
          entry.at("/samples/group").asText() + "/" + entry.at("/samples/contender").asText();
      ids.add(id);
      Result stored = store.read(id, ResultStore.NEW).orElseThrow();
      assertThat(entry.get("samples")).isEqualTo(JSON.readTree(Json.text(stored.samples())));
      assertThat(entry.get("estimates")).isEqualTo(JSON.readTree(Json.text(stored.estimates())));
      assertThat(entry.get("comparison").isNull()).isEqualTo(stored.comparison().isEmpty());
      if (stored.comparison().isPresent()) {
        assertThat(entry.get("comparison"))
            .isEqualTo(JSON.readTree(Json.text(stored.comparison().get())));
      }
    }
    assertThat(ids).containsExactlyElementsOf(new TreeSet<>(store.ids()));
    assertThat(ids).hasSizeGreaterThan(55);
  }

  @Test
  void each_chart_names_benchmarks_of_the_data() throws IOException {
    int count = JSON.readTree(page.getElementById("data").data()).get("benchmarks").size();
    for (Element chart : page.select(".chart")) {
      assertThat(chart.attr("aria-label")).isNotBlank();
      for (String index : chart.attr("data-benchmarks").split(" ")) {
        assertThat(Integer.parseInt(index)).isBetween(0, count - 1);
      }
    }
    assertThat(page.select(".chart").eachAttr("data-chart").stream().distinct())
        .containsExactlyInAnyOrder(
            "mini", "density", "trend", "figure", "regression", "overlay", "change", "spread",
            "lines-values", "lines-rates", "dots-values", "dots-rates");
  }

  @Test
  void every_link_leads_to_a_page_of_the_file() {
    Set<String> ids = new HashSet<>(page.select("[id]").eachAttr("id"));
    List<String> links = page.select("a").eachAttr("href");
    assertThat(links).hasSizeGreaterThan(200);
    assertThat(links).allSatisfy(link -> assertThat(ids).contains(link.substring(1)));
    Set<String> linked = links.stream().map(link -> link.substring(1)).collect(Collectors.toSet());
    assertThat(linked).containsAll(page.select(".page").eachAttr("id"));
  }

  @Test
  void ids_are_unique() {
    assertThat(page.select("[id]").eachAttr("id")).doesNotHaveDuplicates();
  }

  @Test
  void nothing_is_loaded_from_outside() {
    for (Element element : page.getAllElements()) {
      for (Attribute attribute : element.attributes()) {
        assertThat(attribute.getKey())
            .isNotIn("src", "srcset", "action", "data", "poster", "background");
        assertThat(attribute.getKey()).doesNotStartWith("on");
        assertThat(attribute.getKey().equals("style") && attribute.getValue().contains("url"))
            .isFalse();
      }
    }
    assertThat(page.select("a, link, base, use").eachAttr("href"))
        .allSatisfy(link -> assertThat(link).startsWith("#"));
    assertThat(page.select("link, base, iframe, object, embed, img, form")).isEmpty();
    assertThat(page.selectFirst("style").data()).doesNotContain("url(", "@import");
    for (Element script : page.select("script")) {
      assertThat(script.data()).doesNotContain("importScripts(");
    }
  }

  @Test
  void hostile_text_stays_text() throws IOException {
    assertThat(page.select("script")).hasSize(5);
    assertThat(page.body().text()).contains(SyntheticStore.HOSTILE_TEXT.replace("  ", " "));
    assertThat(page.select("h1").eachText())
        .contains(SyntheticStore.HOSTILE_GROUP + "/" + SyntheticStore.HOSTILE_CONTENDER);
    String text = Files.readString(store.report());
    assertThat(text).doesNotContain("<script>window.attacked", "<!--", "<img src=x");
  }

  @Test
  void every_page_has_a_heading_and_every_table_a_name() {
    for (Element section : page.select(".page")) {
      assertThat(section.select("h1")).as(section.id()).hasSize(1);
      assertThat(section.attr("aria-label")).isNotBlank();
    }
    for (Element table : page.select("table")) {
      assertThat(table.select("caption").text()).isNotBlank();
      int columns = table.select("thead th").size();
      for (Element row : table.select("tbody tr")) {
        assertThat(row.children()).hasSize(columns);
      }
    }
  }

  @Test
  void the_index_counts_verdicts() {
    Element index = page.getElementById("/");
    for (String change : List.of("improved", "unchanged", "regressed", "new")) {
      int rows = index.select("tr[data-change=" + change + "]").size();
      assertThat(rows).as(change).isPositive();
      assertThat(index.selectFirst("button[data-change=" + change + "] b").text())
          .isEqualTo(Integer.toString(rows));
    }
  }

  @Test
  void verdicts_are_told_in_words() {
    assertThat(page.getElementById("/bench/numpy_40mb/share").text())
        .contains("Regressed. The median went up by 12.4%", "noise threshold of ±5.0%");
    assertThat(page.getElementById("/bench/numpy_40mb/born_shared").text())
        .contains("Improved. The median went down by 8.3%");
    assertThat(page.getElementById("/bench/startup/once").text())
        .contains("A single sample", "no earlier run");
  }

  @Test
  void kernels_show_bandwidth_first() {
    assertThat(page.getElementById("/family/kernels_dram").selectFirst("figure h2").text())
        .startsWith("Throughput");
    assertThat(page.getElementById("/family/numpy").selectFirst("figure h2").text())
        .startsWith("Time");
    assertThat(page.getElementById("/family/memory").text()).contains("Memory", "MiB");
  }

  @Test
  void an_empty_store_gives_a_page_that_says_so(@TempDir Path empty) throws IOException {
    Path file = empty.resolve("page.html");
    Report.write(new ResultStore(empty), file);
    assertThat(Jsoup.parse(Files.readString(file)).getElementById("/").text())
        .contains("holds no results yet");
  }

  @Test
  void the_stage_writes_where_it_is_told(@TempDir Path elsewhere) {
    Path file = elsewhere.resolve("deep/page.html");
    assertThat(run("report", "--store", store.root().toString(), "-o", file.toString()))
        .startsWith("0 report: " + file);
    assertThat(file).isNotEmptyFile();
    assertThat(run("report")).startsWith("2 ").contains("--store is missing");
    assertThat(run("report", "--store", elsewhere.resolve("none").toString()))
        .startsWith("2 ")
        .contains("is no folder");
  }

  private static String run(String... arguments) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    int code = Main.run(List.of(arguments), out, out);
    return code + " " + bytes.toString(StandardCharsets.UTF_8);
  }
}
