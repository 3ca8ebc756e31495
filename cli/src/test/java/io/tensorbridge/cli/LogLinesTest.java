package io.tensorbridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.batch.LogEntry;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.System.Logger.Level;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class LogLinesTest {
  private static final Instant NOW = Instant.parse("2026-11-26T01:02:03.456Z");
  private static final LogEntry LEFT =
      new LogEntry(
          NOW, Level.INFO, LogEntry.Event.LEFT, 7, 4242, 1000, ErrorCode.RING_CORRUPT,
          "client 4242 was \"refused\"\n\u001b[2J", Optional.empty());
  private static final LogEntry DEFECT =
      new LogEntry(
          NOW, Level.ERROR, LogEntry.Event.DEFECT, 0, 0, 0, ErrorCode.INTERNAL,
          "a command met a defect of the server", Optional.of(new IllegalStateException("why")));

  private static String written(LogLines.Format format, LogEntry entry) {
    StringWriter out = new StringWriter();
    new LogLines(new PrintWriter(out), format, Level.INFO).write(entry);
    return out.toString();
  }

  private static Map<String, String> members(String line) throws IOException {
    Map<String, String> members = new LinkedHashMap<>();
    try (JsonParser json = new JsonFactory().createParser(line)) {
      json.nextToken();
      while (json.nextFieldName() != null) {
        String name = json.currentName();
        json.nextToken();
        members.put(name, json.getText());
      }
    }
    return members;
  }

  @Test
  void anObjectALineHoldsWhatIsKnown() throws IOException {
    String line = written(LogLines.Format.JSON, LEFT);
    assertThat(line.lines()).hasSize(1);
    assertThat(members(line))
        .containsExactly(
            Map.entry("time", "2026-11-26T01:02:03.456Z"),
            Map.entry("level", "info"),
            Map.entry("event", "left"),
            Map.entry("client", "7"),
            Map.entry("pid", "4242"),
            Map.entry("uid", "1000"),
            Map.entry("code", "RING_CORRUPT"),
            Map.entry("message", LEFT.message()));
  }

  @Test
  void aDefectBringsItsTraceOnTheSameLine() throws IOException {
    String line = written(LogLines.Format.JSON, DEFECT);
    assertThat(line.lines()).hasSize(1);
    assertThat(members(line)).containsOnlyKeys(
        "time", "level", "event", "code", "message", "stack_trace");
    assertThat(members(line).get("stack_trace")).contains("IllegalStateException: why");
  }

  @Test
  void aLineForPeopleDoesNotMoveTheCursor() {
    assertThat(written(LogLines.Format.TEXT, LEFT).stripTrailing())
        .isEqualTo(
            "2026-11-26T01:02:03.456Z INFO left: client 4242 was \"refused\"??[2J"
                + " (RING_CORRUPT)");
    assertThat(written(LogLines.Format.TEXT, DEFECT)).contains("IllegalStateException: why");
  }

  @Test
  void lowerLevelsAreNotWanted() {
    LogLines log =
        new LogLines(new PrintWriter(new StringWriter()), LogLines.Format.TEXT, Level.WARNING);
    assertThat(log.isLoggable(Level.INFO)).isFalse();
    assertThat(log.isLoggable(Level.WARNING)).isTrue();
    LogLines off =
        new LogLines(new PrintWriter(new StringWriter()), LogLines.Format.TEXT, Level.OFF);
    assertThat(off.isLoggable(Level.ERROR)).isFalse();
  }
}
