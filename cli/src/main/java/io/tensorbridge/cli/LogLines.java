package io.tensorbridge.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.batch.LogEntry;
import io.tensorbridge.batch.LogSink;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.util.Locale;
import java.util.Optional;

/** The log of {@code serve}: an entry a line, for people or for programs. */
final class LogLines implements LogSink {
  /** How lines look. */
  enum Format {
    /** Time, level, event, what happened. */
    TEXT,
    /** A JSON object. */
    JSON
  }

  private final PrintWriter out;
  private final Format format;
  private final Level least;

  /**
   * A log.
   *
   * @param out where lines go
   * @param format how they look
   * @param least entries of lower levels are left out
   */
  LogLines(PrintWriter out, Format format, Level least) {
    this.out = out;
    this.format = format;
    this.least = least;
  }

  @Override
  public boolean isLoggable(Level level) {
    return level.getSeverity() >= least.getSeverity();
  }

  @Override
  public void write(LogEntry entry) {
    out.println(
        switch (format) {
          case TEXT -> text(entry);
          case JSON -> json(entry);
        });
    out.flush();
  }

  private static String text(LogEntry entry) {
    StringBuilder line = new StringBuilder();
    line.append(entry.time()).append(' ').append(entry.level()).append(' ');
    line.append(name(entry.event())).append(": ").append(PeerProcess.printable(entry.message()));
    if (entry.code() != ErrorCode.OK) {
      line.append(" (").append(entry.code()).append(')');
    }
    entry.thrown().ifPresent(thrown -> line.append('\n').append(trace(thrown).stripTrailing()));
    return line.toString();
  }

  private static String json(LogEntry entry) {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
      json.writeStartObject();
      json.writeStringField("time", entry.time().toString());
      json.writeStringField("level", entry.level().name().toLowerCase(Locale.ROOT));
      json.writeStringField("event", name(entry.event()));
      if (entry.client() != 0) {
        json.writeNumberField("client", entry.client());
      }
      if (entry.pid() != 0) {
        json.writeNumberField("pid", entry.pid());
        json.writeNumberField("uid", Integer.toUnsignedLong(entry.uid()));
      }
      if (entry.code() != ErrorCode.OK) {
        json.writeStringField("code", entry.code().name());
      }
      json.writeStringField("message", entry.message());
      Optional<String> trace = entry.thrown().map(LogLines::trace);
      if (trace.isPresent()) {
        json.writeStringField("stack_trace", trace.get());
      }
      json.writeEndObject();
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
    return text.toString();
  }

  private static String name(LogEntry.Event event) {
    return event.name().toLowerCase(Locale.ROOT);
  }

  private static String trace(Throwable thrown) {
    StringWriter text = new StringWriter();
    thrown.printStackTrace(new PrintWriter(text, true));
    return text.toString();
  }
}
