package io.tensorbridge.benches.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import io.tensorbridge.benches.ResultStore;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jsoup.Jsoup;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Opens the report in Chromium, walks through all its pages and looks at what was drawn. A page of
 * ours holds the report in a frame, which may be narrower than the least window, and sends what it
 * found to this process: in virtual time, Chromium would end before frames are drawn.
 */
@Tag("browser")
class ReportBrowserIT {
  private static final List<String> FLAGS =
      List.of(
          "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
          "--disable-background-networking", "--disable-component-update", "--disable-sync",
          "--disable-dev-shm-usage", "--allow-file-access-from-files",
          "--window-size=1400,1000");

  @SuppressWarnings("InlineFormatString") // long, hence apart from the code
  private static final String WALKER =
      """
          <!DOCTYPE html><meta charset="utf-8">
          <iframe id="frame" src="store/report/index.html" style="width:%dpx;height:900px;border:0">
          </iframe>
          <script>
          const frame = document.getElementById("frame");
          frame.onload = async () => {
            const view = frame.contentWindow;
            const root = view.document.documentElement;
            const found = [];
            const dark = view.matchMedia("(prefers-color-scheme: dark)").matches;
            const tick = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
            for (const page of view.document.querySelectorAll(".page")) {
              view.location.hash = page.id;
              const places = [...page.querySelectorAll(".chart")];
              const marks = (place) => place.querySelectorAll("svg path").length;
            for (let i = 0; i < 200 && root.dataset.page !== page.id; i++) {
              await tick();
            }
            for (const place of places) {
              place.scrollIntoView();
              for (let i = 0; i < 200 && marks(place) < 2; i++) {
                await tick();
              }
            }
            found.push({
              page: page.id,
              shown: root.dataset.page,
              visible: page.getBoundingClientRect().height,
              charts: places.map((place) => ({
                kind: place.dataset.chart,
                marks: marks(place),
              })),
              overflow: root.scrollWidth - root.clientWidth,
            });
          }
          const text = JSON.stringify({
              dark, found, errors: JSON.parse(root.dataset.errors), attacked: "attacked" in view,
            });
            fetch("http://127.0.0.1:%d/", { method: "POST", mode: "no-cors", body: text });
          };
          </script>
          """;

  @TempDir
  static Path folder;
  private static int pages;

  @BeforeAll
  static void write() throws IOException {
    ResultStore store = SyntheticStore.write(folder.resolve("store"));
    Report.write(store, store.report());
    pages = Jsoup.parse(Files.readString(store.report())).select(".page").size();
  }

  @ParameterizedTest
  @CsvSource({"light,1280", "dark,1280", "light,360", "dark,320"})
  void every_page_draws_all_its_charts_and_fits_its_window(String scheme, int width)
      throws IOException, InterruptedException {
    JsonNode told = walk(scheme, width);
    assertThat(told.get("errors")).isEmpty();
    assertThat(told.get("attacked").asBoolean()).isFalse();
    assertThat(told.get("dark").asBoolean()).isEqualTo(scheme.equals("dark"));
    assertThat(told.get("found")).hasSize(pages);
    for (JsonNode page : told.get("found")) {
      String id = page.get("page").asText();
      assertThat(page.get("shown").asText()).isEqualTo(id);
      assertThat(page.get("visible").asDouble()).as(id).isPositive();
      assertThat(page.get("overflow").asInt()).as("%s wider than %d px", id, width).isZero();
      for (JsonNode chart : page.get("charts")) {
        assertThat(chart.get("marks").asInt()).as("%s on %s", chart, id).isGreaterThan(1);
      }
    }
  }

  private static JsonNode walk(String scheme, int width)
      throws IOException, InterruptedException {
    CompletableFuture<String> found = new CompletableFuture<>();
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          byte[] body = exchange.getRequestBody().readAllBytes();
          exchange.sendResponseHeaders(204, -1);
          exchange.close();
          found.complete(new String(body, StandardCharsets.UTF_8));
        });
    server.start();
    Path walker = folder.resolve("walker.html");
    Files.writeString(walker, WALKER.formatted(width, server.getAddress().getPort()));
    Path profile = Files.createTempDirectory(folder, "profile");
    List<String> command = new ArrayList<>(List.of(chromium()));
    command.addAll(FLAGS);
    command.add("--user-data-dir=" + profile);
    command.add("--blink-settings=preferredColorScheme=" + (scheme.equals("dark") ? 0 : 1));
    command.add(walker.toUri().toString());
    Path log = folder.resolve("browser.log");
    Process browser =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    CompletableFuture<String> end =
        browser.onExit()
            .thenApply(
                process -> {
                  throw new IllegalStateException("Chromium ended early");
                });
    try {
      return new ObjectMapper().readTree(
          found.applyToEither(end, text -> text).get(4, TimeUnit.MINUTES));
    } catch (ExecutionException | TimeoutException silence) {
      throw new AssertionError(
          "the page told nothing; the browser said: " + Files.readString(log), silence);
    } finally {
      // Not awaited: its own processes may end without anyone to collect them.
      browser.descendants().forEach(ProcessHandle::destroyForcibly);
      browser.destroyForcibly().waitFor();
      server.stop(0);
    }
  }

  private static String chromium() {
    List<String> names = List.of("chromium", "chromium-browser", "google-chrome");
    List<String> folders = List.of(System.getenv("PATH").split(File.pathSeparator));
    return names.stream()
        .flatMap(name -> folders.stream().map(folder -> Path.of(folder, name)))
        .filter(Files::isExecutable)
        .map(Path::toString)
        .findFirst()
        .orElseThrow(
            () -> new AssertionError(
                "no Chromium on the path (looked for "
                    + String.join(", ", names)
                    + "): install one, or leave out -Pbrowser"));
  }
}
