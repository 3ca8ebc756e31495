package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.shm.LocalSocket;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import jdk.jfr.EventType;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Recording;
import jdk.jfr.ValueDescriptor;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a flight recording tells of a server. */
class FlightRecorderTest {
  private static final List<String> OF_EVERY_EVENT =
      List.of("startTime", "duration", "eventThread", "stackTrace");
  private static final long PID = ProcessHandle.current().pid();

  @TempDir
  Path folder;

  private List<RecordedEvent> recorded(boolean items, Work work) throws IOException {
    Path file = folder.resolve("events.jfr");
    try (Recording recording = new Recording()) {
      if (items) {
        recording.enable("io.tensorbridge.Item").withThreshold(Duration.ZERO);
      }
      recording.start();
      Path socket = Files.createTempDirectory("tb").resolve("s");
      ServerOptions options = ServerOptions.builder().diagnostics(true).threads(2).build();
      try (BatchServer server = BatchServer.listen(socket, options)) {
        try (BatchClient client = BatchClient.over(LocalSocket.connect(socket))) {
          work.on(client);
        }
        ServerFixture.await(() -> server.usage().equals(new BatchServer.Usage(0, 0, 0, 0, 0)));
      }
      Files.delete(socket.getParent());
      recording.stop();
      recording.dump(file);
    }
    return RecordingFile.readAllEvents(file).stream()
        .filter(event -> event.getEventType().getName().startsWith("io.tensorbridge."))
        .toList();
  }

  private interface Work {
    void on(BatchClient client);
  }

  private static List<RecordedEvent> named(List<RecordedEvent> events, String name) {
    return events.stream()
        .filter(event -> event.getEventType().getName().equals("io.tensorbridge." + name))
        .toList();
  }

  @Test
  void batchesRegionsAndClientsAreRecorded() throws IOException {
    List<RecordedEvent> events =
        recorded(
            false,
            client -> {
              Tensor small =
                  ServerAndClient.counting(client.allocate(DType.F32, Shape.of(16)));
              client.submit(Batch.of("noop").add("a", small).add("b", small)).get().close();
              Tensor large =
                  ServerAndClient.counting(client.allocate(DType.F32, Shape.of(1 << 18)));
              client.submit(Batch.of("copy").add("a", large)).get().close();
              assertThatThrownBy(() -> client.submit(Batch.of("no-such").add("a", small)).get())
                  .isInstanceOf(BridgeException.class);
            });

    List<RecordedEvent> batches = named(events, "Batch");
    RecordedEvent noop = of(batches, "noop");
    assertThat(noop.getInt("items")).isEqualTo(2);
    assertThat(noop.getLong("inputBytes")).isEqualTo(128);
    assertThat(noop.getLong("outputBytes")).isZero();
    assertThat(noop.getBoolean("onWorkers")).isFalse();
    assertThat(noop.getString("outcome")).isEqualTo("OK");
    assertThat(noop.getDuration("runNanos")).isPositive();
    assertThat(noop.getDuration()).isGreaterThanOrEqualTo(noop.getDuration("runNanos"));
    RecordedEvent copy = of(batches, "copy");
    assertThat(copy.getBoolean("onWorkers")).isTrue();
    assertThat(copy.getLong("outputBytes")).isEqualTo(1 << 20);
    assertThat(copy.getDuration("queueNanos")).isPositive();
    assertThat(copy.getLong("client")).isEqualTo(noop.getLong("client"));
    assertThat(batches).extracting(event -> event.getString("outcome"))
        .contains("UNKNOWN_OPERATION");
    assertThat(named(events, "Item")).isEmpty();

    List<RecordedEvent> regions = named(events, "Region");
    long registered =
        regions.stream().filter(event -> event.getString("change").equals("registered")).count();
    assertThat(registered).isPositive();
    assertThat(regions).hasSize((int) (2 * registered));
    assertThat(regions).extracting(event -> event.getString("access")).contains("READ");

    List<RecordedEvent> clients = named(events, "Client");
    assertThat(clients).extracting(event -> event.getString("change"))
        .containsExactly("connected", "left");
    assertThat(clients).allSatisfy(event -> {
      assertThat(event.getInt("pid")).isEqualTo((int) PID);
      assertThat(event.getInt("uid")).isEqualTo(ProcessUser.own());
    });
    assertThat(clients.getLast().getString("reason")).isEqualTo("said goodbye");
  }

  private static RecordedEvent of(List<RecordedEvent> events, String operation) {
    return events.stream().filter(event -> operation.equals(event.getString("operation")))
        .findFirst().orElseThrow();
  }

  @Test
  void itemsAreRecordedWhereTheyAreAskedFor() throws IOException {
    List<RecordedEvent> events =
        recorded(
            true,
            client -> {
              Tensor small =
                  ServerAndClient.counting(client.allocate(DType.F32, Shape.of(16)));
              client.submit(Batch.of("noop").add("a", small).add("b", small)).get().close();
              Tensor large =
                  ServerAndClient.counting(client.allocate(DType.F32, Shape.of(1 << 18)));
              client.submit(Batch.of("copy").add("a", large)).get().close();
            });
    List<RecordedEvent> items = named(events, "Item");
    assertThat(items).extracting(event -> event.getString("operation"))
        .containsExactlyInAnyOrder("noop", "noop", "copy");
    assertThat(items).extracting(event -> event.getInt("index")).contains(0, 1);
    assertThat(items).allMatch(event -> event.getString("outcome").equals("OK"));
    assertThat(of(items, "copy").getLong("inputBytes")).isEqualTo(1 << 20);
    assertThat(of(items, "noop").getLong("inputBytes")).isEqualTo(64);
  }

  @Test
  void everyEventIsDocumentedWithItsFields() throws IOException {
    recorded(true, client -> {});
    Path guide = Path.of(System.getProperty("tensorbridge.root"), "docs/observability.md");
    List<String> lines = Files.readAllLines(guide);
    List<EventType> types =
        FlightRecorder.getFlightRecorder().getEventTypes().stream()
            .filter(type -> type.getName().startsWith("io.tensorbridge."))
            .toList();
    assertThat(types).hasSizeGreaterThanOrEqualTo(3);
    for (EventType type : types) {
      String row =
          lines.stream().filter(line -> line.startsWith("| `" + type.getName() + "` |"))
              .findFirst().orElseThrow();
      String fields =
          type.getFields().stream().map(ValueDescriptor::getName)
              .filter(name -> !OF_EVERY_EVENT.contains(name))
              .collect(Collectors.joining(" "));
      assertThat(row).contains("`" + fields + "`");
    }
  }

  @Test
  void everyFieldIsLabelled() throws IOException {
    List<RecordedEvent> events = recorded(false, client -> {});
    EventType type = named(events, "Client").getFirst().getEventType();
    assertThat(type.getCategoryNames()).containsExactly("Tensorbridge");
    assertThat(type.getDescription()).isNotBlank();
    assertThat(type.getFields())
        .filteredOn(field -> !OF_EVERY_EVENT.contains(field.getName()))
        .allMatch(field -> field.getLabel() != null)
        .extracting(ValueDescriptor::getName)
        .containsExactly("client", "change", "pid", "uid", "reason");
  }
}
