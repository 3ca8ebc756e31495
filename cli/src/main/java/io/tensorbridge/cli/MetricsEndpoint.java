package io.tensorbridge.cli;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ResourceException;
import io.tensorbridge.batch.wire.Observation;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/**
 * Tells Prometheus what a server does, over HTTP. Micrometer adds what the JVM does, and writes the
 * text; its classes load only with this one.
 */
final class MetricsEndpoint implements AutoCloseable {
  private static final String PATH = "/metrics";
  private static final String TEXT = "text/plain; charset=utf-8";
  private static final int OK = 200;
  private static final int NOT_FOUND = 404;
  private static final int METHOD_NOT_ALLOWED = 405;
  private static final int UNAVAILABLE = 503;

  private final HttpServer http;
  private final ExecutorService thread;
  private final JvmGcMetrics collections = new JvmGcMetrics();
  private final PrometheusMeterRegistry registry;

  private MetricsEndpoint(HttpServer http, Supplier<Observation> server) {
    this.http = http;
    PrometheusRegistry collectors = new PrometheusRegistry();
    registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT, collectors, Clock.SYSTEM);
    collectors.register(new ServerMetrics(server));
    new JvmMemoryMetrics().bindTo(registry);
    new JvmThreadMetrics().bindTo(registry);
    new ProcessorMetrics().bindTo(registry);
    new FileDescriptorMetrics().bindTo(registry);
    collections.bindTo(registry);
    thread =
        Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("tensorbridge-metrics").factory());
    http.setExecutor(thread);
    http.createContext("/", this::answer);
  }

  /**
   * Begins to listen.
   *
   * @param address where; port 0 takes a free one
   * @param server what is told
   * @return the running endpoint, owned by the caller
   * @throws ResourceException if nobody can listen there
   */
  static MetricsEndpoint listen(InetSocketAddress address, Supplier<Observation> server) {
    try {
      MetricsEndpoint endpoint = new MetricsEndpoint(HttpServer.create(address, 0), server);
      endpoint.http.start();
      return endpoint;
    } catch (IOException failure) {
      throw new ResourceException(
          ErrorCode.SYSTEM_CALL,
          "metrics can't be served at " + address.getHostString() + ":" + address.getPort()
              + ": " + failure.getMessage(),
          failure);
    }
  }

  /** Where Prometheus finds the metrics. */
  URI location() {
    InetSocketAddress address = http.getAddress();
    String host = address.getAddress().getHostAddress();
    return URI.create(
        "http://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + address.getPort()
            + PATH);
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      String method = exchange.getRequestMethod();
      if (!exchange.getRequestURI().getPath().equals(PATH)) {
        send(exchange, NOT_FOUND, TEXT, "metrics are at " + PATH + "\n");
      } else if (method.equals("GET") || method.equals("HEAD")) {
        scrape(exchange);
      } else {
        exchange.getResponseHeaders().set("Allow", "GET, HEAD");
        send(exchange, METHOD_NOT_ALLOWED, TEXT, "metrics are only read\n");
      }
    }
  }

  private void scrape(HttpExchange exchange) throws IOException {
    String wanted = exchange.getRequestHeaders().getFirst("Accept");
    boolean openMetrics = wanted != null && wanted.contains("application/openmetrics-text");
    String type =
        openMetrics
            ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
            : "text/plain; version=0.0.4; charset=utf-8";
    String text;
    try {
      text = registry.scrape(type);
    } catch (BridgeException failure) {
      send(exchange, UNAVAILABLE, TEXT, failure.getMessage() + "\n");
      return;
    }
    send(exchange, OK, type, text);
  }

  private static void send(HttpExchange exchange, int code, String type, String text)
      throws IOException {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", type);
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.sendResponseHeaders(code, -1);
      return;
    }
    exchange.sendResponseHeaders(code, body.length);
    exchange.getResponseBody().write(body);
  }

  @Override
  public void close() {
    http.stop(0);
    thread.shutdownNow();
    collections.close();
    registry.close();
  }
}
