package io.tensorbridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.batch.Batch;
import io.tensorbridge.batch.BatchClient;
import io.tensorbridge.batch.BatchServer;
import io.tensorbridge.batch.ServerOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TopCommandTest {
  private static final String PID = Long.toString(ProcessHandle.current().pid());

  private Path folder;
  private BatchServer server;
  private BatchClient client;

  @BeforeEach
  void start() throws IOException {
    folder = Files.createTempDirectory("tb");
    server = BatchServer.listen(folder.resolve("s"), ServerOptions.defaults());
    client = BatchClient.connect(folder.resolve("s"));
    Tensor tensor = client.allocate(DType.F32, Shape.of(100));
    tensor.data().fill((byte) 0);
    client.submit(Batch.of("noop").add("a", tensor)).get().close();
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    server.close();
    Files.delete(folder);
  }

  private static String printed(int expected, String... words) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int code = Main.run(List.of(words), new Console(new PrintWriter(out), new PrintWriter(err)));
    assertThat(code).as("%s%s", out, err).isEqualTo(expected);
    return out.toString() + err;
  }

  @Test
  void aTableShowsTheServerAndItsClients() {
    String table =
        printed(0, "top", "--once", "--interval", "0.05", folder.resolve("s").toString());
    assertThat(table.lines().findFirst().orElseThrow())
        .startsWith("server " + PID).contains("1 clients");
    assertThat(table).contains("1 batches, 1 items, 0 failed, 0 refused, 400 B read");
    assertThat(table.lines().toList().getLast()).startsWith(PID).contains("java");
    assertThat(table).doesNotContain("\u001b");
  }

  @Test
  void aDocumentHoldsTheSame() throws IOException {
    String document =
        printed(0, "top", "--json", "--interval", "0.05", "unix:" + folder.resolve("s"));
    List<String> names = new ArrayList<>();
    try (JsonParser json = new JsonFactory().createParser(document)) {
      while (json.nextToken() != null) {
        if (json.currentToken() == JsonToken.FIELD_NAME) {
          names.add(json.currentName());
        }
      }
    }
    assertThat(names).contains("interval_seconds", "server", "clients", "process", "rates");
    assertThat(document).contains("\"input_bytes\" : 400", "\"pid\" : " + PID);
  }

  @Test
  void whereNobodyListensOneSentenceSaysSo() {
    assertThat(printed(1, "top", "--once", folder.resolve("nobody").toString()))
        .contains("nobody");
    assertThat(printed(2, "top", "--interval", "0", folder.resolve("s").toString()))
        .contains("--interval");
  }

  @Test
  void textOfClientsDoesNotMoveTheCursor() {
    assertThat(PeerProcess.printable("a\u001b[2Jb\nü")).isEqualTo("a?[2Jb?ü");
  }
}
