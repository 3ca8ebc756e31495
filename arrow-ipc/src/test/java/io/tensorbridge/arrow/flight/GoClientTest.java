package io.tensorbridge.arrow.flight;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.op.OpRegistry;
import io.tensorbridge.shm.SharedRegion;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The client of arrow-go: {@code -Pinterop}. */
@EnabledIfSystemProperty(named = "tensorbridge.interop", matches = "true")
class GoClientTest {
  private static final Path CLIENT = Path.of("src/test/go/flightclient");

  @Test
  void arrowGoPutsGetsAndExchanges() throws IOException, InterruptedException {
    long mappedBefore = SharedRegion.mappedBytes();
    try (TensorFlightServer server = TensorFlightServer.start(
        FlightOptions.of("grpc://127.0.0.1:0", 64 << 20, 2),
        new OpRegistry(List.of(new ScaleOp())))) {
      Process client = new ProcessBuilder(go().toString(), "run", ".",
          "127.0.0.1:" + server.port(), "scale")
          .directory(CLIENT.toFile())
          .redirectErrorStream(true)
          .start();
      String said = new String(client.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(client.waitFor()).as(said).isZero();
      assertThat(said).endsWith("ok\n");
    }
    assertThat(SharedRegion.mappedBytes()).isEqualTo(mappedBefore);
  }

  private static Path go() {
    return Stream
        .concat(Arrays.stream(System.getenv("PATH").split(":")), Stream.of("/usr/local/go/bin"))
        .map(folder -> Path.of(folder, "go"))
        .filter(Files::isExecutable)
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("-Pinterop needs go"));
  }
}
