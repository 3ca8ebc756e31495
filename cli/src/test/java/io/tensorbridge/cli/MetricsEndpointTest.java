package io.tensorbridge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.DType;
import io.tensorbridge.ResourceException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.batch.Batch;
import io.tensorbridge.batch.BatchClient;
import io.tensorbridge.batch.BatchServer;
import io.tensorbridge.batch.ServerOptions;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class MetricsEndpointTest {
  private static final InetSocketAddress FREE =
      new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

  private Path folder;
  private BatchServer server;
  private MetricsEndpoint endpoint;

  @BeforeEach
  void start() throws IOException {
    folder = Files.createTempDirectory("tb");
    server = BatchServer.listen(folder.resolve("s"), ServerOptions.defaults());
    endpoint = MetricsEndpoint.listen(FREE, server::observe);
  }

  @AfterEach
  void stop() throws IOException {
    endpoint.close();
    server.close();
    Files.delete(folder);
  }

  private static HttpResponse<String> asked(HttpRequest.Builder request)
      throws IOException, InterruptedException {
    try (HttpClient http = HttpClient.newHttpClient()) {
      return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }
  }

  private HttpRequest.Builder metrics() {
    return HttpRequest.newBuilder(endpoint.location());
  }

  @Test
  void whatIsScrapedIsWhatTheServerDid() throws Exception {
    try (BatchClient client = BatchClient.connect(folder.resolve("s"))) {
      Tensor tensor = client.allocate(DType.F32, Shape.of(100));
      tensor.data().fill((byte) 0);
      client.submit(Batch.of("noop").add("a", tensor).add("b", tensor)).get().close();
      HttpResponse<String> answer = asked(metrics());
      assertThat(answer.statusCode()).isEqualTo(200);
      assertThat(answer.headers().firstValue("Content-Type").orElseThrow())
          .startsWith("text/plain; version=0.0.4");
      assertThat(answer.body().lines())
          .contains(
              "# TYPE tensorbridge_batches_total counter",
              "tensorbridge_batches_total 1.0",
              "tensorbridge_items_total 2.0",
              "tensorbridge_input_bytes_total 800.0",
              "tensorbridge_clients 1.0",
              "# TYPE tensorbridge_batch_run_seconds histogram",
              "tensorbridge_batch_run_seconds_count 1")
          .anyMatch(line -> line.startsWith("jvm_memory_used_bytes{area=\"heap\""))
          .anyMatch(line -> line.startsWith("# HELP tensorbridge_busy_seconds_total "));
    }
  }

  @Test
  void openMetricsAreToldToWhoWantsThem() throws Exception {
    HttpResponse<String> answer =
        asked(metrics().header("Accept", "application/openmetrics-text;version=1.0.0"));
    assertThat(answer.headers().firstValue("Content-Type").orElseThrow())
        .startsWith("application/openmetrics-text");
    assertThat(answer.body()).endsWith("# EOF\n");
  }

  @Test
  void otherPathsAndMethodsAreRefused() throws Exception {
    URI elsewhere = endpoint.location().resolve("/");
    assertThat(asked(HttpRequest.newBuilder(elsewhere)).statusCode()).isEqualTo(404);
    assertThat(asked(metrics().DELETE()).statusCode()).isEqualTo(405);
    assertThat(asked(metrics().HEAD()).statusCode()).isEqualTo(200);
  }

  @Test
  void aServerThatHasEndedIsUnavailable() throws Exception {
    server.close();
    assertThat(asked(metrics()).statusCode()).isEqualTo(503);
  }

  @Test
  void aPortThatIsTakenIsNamed() {
    int port = endpoint.location().getPort();
    InetSocketAddress taken = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    assertThatThrownBy(
        () -> MetricsEndpoint.listen(taken, server::observe))
        .isInstanceOf(ResourceException.class)
        .hasMessageContaining(":" + port);
  }
}
