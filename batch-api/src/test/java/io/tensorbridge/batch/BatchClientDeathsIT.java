package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.BridgeTimeoutException;
import io.tensorbridge.DType;
import io.tensorbridge.ServerDiedException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** A Java client whose server, another process, is killed or stands still. */
class BatchClientDeathsIT {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final Duration SHORT = Duration.ofMillis(100);

  @RegisterExtension
  static final NothingLeft NOTHING_LEFT = new NothingLeft();

  @TempDir
  private Path folder;
  private Process server;
  private BatchClient client;

  /** A process that serves until it is killed. */
  static final class Served {
    private Served() {}

    public static void main(String[] arguments) throws InterruptedException {
      ServerOptions options = ServerOptions.defaults().toBuilder().diagnostics(true).build();
      try (BatchServer running = BatchServer.listen(Path.of(arguments[0]), options)) {
        System.out.println("listening");
        running.awaitEnd();
      }
    }
  }

  private Process start() throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(System.getProperty("tensorbridge.jvm.flags").strip().split(" +")));
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("java.class.path"),
            Served.class.getName(),
            socket().toString()));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    BufferedReader said =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    assertThat(said.readLine()).isEqualTo("listening");
    return process;
  }

  private Path socket() {
    return folder.resolve("run").resolve("s");
  }

  private void signal(String name) throws IOException, InterruptedException {
    String pid = Long.toString(server.pid());
    assertThat(new ProcessBuilder("kill", "-" + name, pid).start().waitFor()).isZero();
  }

  @BeforeEach
  void connect() throws IOException {
    server = start();
    client = BatchClient.connect(socket());
  }

  @AfterEach
  void end() throws InterruptedException {
    client.close();
    server.destroyForcibly().waitFor();
  }

  private Tensor shared() {
    return ServerAndClient.counting(client.allocate(DType.F32, Shape.of(1000)));
  }

  private static void requireCopied(BatchClient by, Tensor tensor) {
    try (BatchResult result = by.submit(Batch.of("copy").add("a", tensor)).get(PATIENCE)) {
      assertThat(result.output("a").getDouble(999)).isEqualTo(999);
    }
  }

  @Test
  void allWhoWaitAreToldOfTheDeathAndTheWorkIsDoneAnew() throws Exception {
    Tensor tensor = shared();
    requireCopied(client, tensor);
    List<BatchFuture> running = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      running.add(client.submit(Batch.of("delay").add("a", tensor).option("millis", "60000")));
    }
    server.destroyForcibly().waitFor();
    for (BatchFuture future : running) {
      assertThatThrownBy(() -> future.get(PATIENCE)).isInstanceOf(ServerDiedException.class);
    }
    assertThatThrownBy(() -> client.submit(Batch.of("copy").add("a", tensor)))
        .isInstanceOf(ServerDiedException.class);
    assertThat(tensor.getDouble(999)).isEqualTo(999);
    server = start();
    try (BatchClient next = BatchClient.connect(socket())) {
      requireCopied(next, tensor);
    }
  }

  @Test
  void timeoutsHoldWhileTheServerStandsStillAndWhatIsLateStaysInQuarantine() throws Exception {
    Tensor tensor = shared();
    requireCopied(client, tensor);
    long used = client.usedBytes();
    signal("STOP");
    BatchFuture late = client.submit(Batch.of("copy").add("a", tensor).timeout(SHORT));
    assertThatThrownBy(() -> late.get(PATIENCE)).isInstanceOf(BridgeTimeoutException.class);
    assertThat(client.usedBytes()).as("the output may still be written").isGreaterThan(used);
    BatchFuture patient = client.submit(Batch.of("copy").add("a", tensor));
    signal("CONT");
    try (BatchResult result = patient.get(PATIENCE)) {
      assertThat(result.output("a").getDouble(999)).isEqualTo(999);
    }
    requireCopied(client, tensor);
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (client.usedBytes() != used) {
      assertThat(System.nanoTime()).as("memory comes back").isLessThan(end);
      Thread.onSpinWait();
    }
  }
}
