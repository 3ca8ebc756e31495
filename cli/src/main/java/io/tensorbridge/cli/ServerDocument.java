package io.tensorbridge.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import io.tensorbridge.batch.wire.HeldCounts;
import io.tensorbridge.batch.wire.ObservedClient;
import io.tensorbridge.batch.wire.ObservedServer;
import io.tensorbridge.batch.wire.WorkCounts;
import java.io.IOException;

/** What {@code top --json} prints: the fields of {@code spec/handshake.md}, and rates. */
final class ServerDocument {
  private ServerDocument() {}

  static void write(JsonGenerator json, ServerRates rates) throws IOException {
    json.writeNumberField("interval_seconds", rates.seconds());
    ObservedServer server = rates.now().server();
    json.writeObjectFieldStart("server");
    json.writeNumberField("pid", server.pid());
    json.writeNumberField("workers", server.workers());
    json.writeNumberField("clients", server.clients());
    json.writeNumberField("uptime_nanos", server.uptimeNanos());
    json.writeNumberField("heap_used", server.heapUsed());
    json.writeNumberField("heap_committed", server.heapCommitted());
    json.writeNumberField("dropped_log_lines", server.droppedLogLines());
    writeHeld(json, server.held());
    writeWork(json, server.work());
    writeRates(json, rates, rates.work());
    json.writeEndObject();
    json.writeArrayFieldStart("clients");
    for (ObservedClient client : rates.now().clients()) {
      json.writeStartObject();
      json.writeNumberField("id", client.id());
      json.writeNumberField("pid", client.pid());
      json.writeNumberField("uid", Integer.toUnsignedLong(client.uid()));
      json.writeStringField("user", PeerProcess.user(client.pid(), client.uid()));
      json.writeStringField("process", PeerProcess.name(client.pid()));
      json.writeNumberField("age_nanos", client.ageNanos());
      json.writeStringField("last_error", client.lastError().name());
      json.writeStringField("last_error_text", client.lastErrorText());
      writeHeld(json, client.held());
      writeWork(json, client.work());
      writeRates(json, rates, rates.work(client));
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private static void writeHeld(JsonGenerator json, HeldCounts held) throws IOException {
    json.writeObjectFieldStart("held");
    json.writeNumberField("regions", held.regions());
    json.writeNumberField("leases", held.leases());
    json.writeNumberField("in_flight", held.inFlight());
    json.writeNumberField("kept", held.kept());
    json.writeNumberField("queued", held.queued());
    json.writeNumberField("region_bytes", held.regionBytes());
    json.writeEndObject();
  }

  private static void writeWork(JsonGenerator json, WorkCounts work) throws IOException {
    json.writeObjectFieldStart("work");
    json.writeNumberField("batches", work.batches());
    json.writeNumberField("items", work.items());
    json.writeNumberField("failed_items", work.failedItems());
    json.writeNumberField("refused", work.refused());
    json.writeNumberField("input_bytes", work.inputBytes());
    json.writeNumberField("output_bytes", work.outputBytes());
    json.writeNumberField("busy_nanos", work.busyNanos());
    json.writeNumberField("run_nanos", work.runNanos());
    json.writeArrayFieldStart("run_times");
    for (long count : work.runTimes()) {
      json.writeNumber(count);
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void writeRates(JsonGenerator json, ServerRates rates, WorkCounts work)
      throws IOException {
    json.writeObjectFieldStart("rates");
    json.writeNumberField("batches_per_second", rates.batchesPerSecond(work));
    json.writeNumberField("bytes_per_second", rates.bytesPerSecond(work));
    json.writeNumberField("busy", rates.busy(work));
    json.writeNumberField("p50_nanos", work.quantileNanos(0.5));
    json.writeNumberField("p99_nanos", work.quantileNanos(0.99));
    json.writeEndObject();
  }
}
