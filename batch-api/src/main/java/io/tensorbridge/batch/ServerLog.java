package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.batch.LogEntry.Event;
import io.tensorbridge.shm.PeerCredentials;
import java.lang.System.Logger.Level;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * One line for each event of a server; a private child is quiet about what is usual.
 *
 * <p>A thread of its own writes the lines, since whoever reads them may stop reading, and a server
 * must not stand still for that: lines that find no room are dropped.
 */
final class ServerLog {
  private static final int WAITING_LINES = 256;
  private static final long IDLE_SECONDS = 2;
  private static final PeerCredentials NOBODY = new PeerCredentials(0, 0, 0);

  private final Level usual;
  private final LogSink sink;
  private final AtomicLong dropped = new AtomicLong();
  private final ThreadPoolExecutor writer;

  /**
   * A log.
   *
   * @param shared whether several clients come and go
   * @param sink where lines go
   */
  ServerLog(boolean shared, LogSink sink) {
    usual = shared ? Level.INFO : Level.DEBUG;
    this.sink = sink;
    writer =
        new ThreadPoolExecutor(
            1,
            1,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(WAITING_LINES),
            Thread.ofPlatform().daemon().name("tensorbridge-log").factory(),
            (line, full) -> dropped.incrementAndGet());
    writer.allowCoreThreadTimeOut(true);
  }

  void connected(ClientSession session) {
    log(usual, Event.CONNECTED, session.watch(), ErrorCode.OK, session + " has connected", null);
  }

  void disconnected(ClientSession session, String why) {
    log(usual, Event.LEFT, session.watch(), session.endCode(), session + " " + why, null);
  }

  /** A connection was not taken. */
  void refused(PeerCredentials peer, ErrorCode code, String what) {
    log(Level.WARNING, Event.REFUSED, 0, peer, code, what, null);
  }

  /** No connection could be taken. */
  void refused(ErrorCode code, String what) {
    log(Level.WARNING, Event.REFUSED, 0, NOBODY, code, what, null);
  }

  void defect(ClientSession session, Throwable defect) {
    log(
        Level.ERROR,
        Event.DEFECT,
        session.watch(),
        ErrorCode.INTERNAL,
        session + " met a defect of the server",
        defect);
  }

  void defect(String where, Throwable defect) {
    log(
        Level.ERROR,
        Event.DEFECT,
        0,
        NOBODY,
        ErrorCode.INTERNAL,
        where + " met a defect of the server",
        defect);
  }

  /** How many lines found no room. */
  long droppedLines() {
    return dropped.get();
  }

  private void log(
      Level level,
      Event event,
      ClientWatch client,
      ErrorCode code,
      String message,
      @Nullable Throwable thrown) {
    log(level, event, client.id(), client.peer(), code, message, thrown);
  }

  private void log(
      Level level,
      Event event,
      long client,
      PeerCredentials peer,
      ErrorCode code,
      String message,
      @Nullable Throwable thrown) {
    if (sink.isLoggable(level)) {
      Instant now = Instant.now();
      try {
        writer.execute(
            () -> sink.write(
                new LogEntry(
                    now,
                    level,
                    event,
                    client,
                    peer.pid(),
                    peer.uid(),
                    code,
                    message,
                    Optional.ofNullable(thrown))));
      } catch (OutOfMemoryError noThread) {
        // What the line tells of must go on.
        dropped.incrementAndGet();
      }
    }
  }
}
