package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.ErrorCode;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;

class ServerLogTest {
  /** A reader of the log that has stopped reading. */
  private static final class Stalled extends Handler {
    final CountDownLatch reached = new CountDownLatch(1);
    final CountDownLatch released = new CountDownLatch(1);
    final AtomicInteger lines = new AtomicInteger();

    @Override
    public void publish(LogRecord line) {
      reached.countDown();
      lines.incrementAndGet();
      try {
        released.await();
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
      }
    }

    @Override
    public void flush() {}

    @Override
    public void close() {}
  }

  @Test
  void aReaderThatStopsReadingHoldsNobodyUp() throws InterruptedException {
    Logger logger = Logger.getLogger(BatchServer.class.getName());
    Stalled reader = new Stalled();
    logger.addHandler(reader);
    logger.setUseParentHandlers(false);
    try {
      ServerLog log = new ServerLog(true, LogSink.ofSystem());
      for (int i = 0; i < 10_000; i++) {
        log.refused(ErrorCode.QUOTA_CLIENTS, "line " + i);
      }
      reader.reached.await();
      assertThat(reader.lines).hasValue(1);
      assertThat(log.droppedLines()).isBetween(9_700L, 9_999L);
    } finally {
      reader.released.countDown();
      logger.removeHandler(reader);
      logger.setUseParentHandlers(true);
    }
  }
}
