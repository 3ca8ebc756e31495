package io.tensorbridge.batch;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
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

  private final Level usual;
  private final AtomicLong dropped = new AtomicLong();
  private final ThreadPoolExecutor writer;

  /**
   * A log.
   *
   * @param shared whether several clients come and go
   */
  ServerLog(boolean shared) {
    usual = shared ? Level.INFO : Level.DEBUG;
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
    log(usual, session + " has connected", null);
  }

  void disconnected(ClientSession session, String why) {
    log(usual, session + " " + why, null);
  }

  void refused(String what) {
    log(Level.WARNING, what, null);
  }

  void defect(Object where, Throwable defect) {
    log(Level.ERROR, where + " met a defect of the server", defect);
  }

  /** How many lines found no room. */
  long droppedLines() {
    return dropped.get();
  }

  private void log(Level level, String line, @Nullable Throwable thrown) {
    Logger logger = System.getLogger(BatchServer.class.getName());
    if (logger.isLoggable(level)) {
      try {
        writer.execute(() -> logger.log(level, line, thrown));
      } catch (OutOfMemoryError noThread) {
        // The line is lost, as if there were no room: what it tells of must go on.
      }
    }
  }
}
