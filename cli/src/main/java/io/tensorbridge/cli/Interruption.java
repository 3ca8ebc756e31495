package io.tensorbridge.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Ends work cleanly when the process is asked to end (Ctrl-C, {@code kill}): cancels it, and keeps
 * the process alive until its files are removed.
 */
final class Interruption implements AutoCloseable {
  private static final int PATIENCE_SECONDS = 10;

  private final Runnable cancel;
  private final CountDownLatch ended = new CountDownLatch(1);
  private final Thread hook = new Thread(this::endWork, "interruption");

  /** Watches until it is closed; to be closed after everything that the work holds. */
  Interruption(Runnable cancel) {
    this.cancel = cancel;
    Runtime.getRuntime().addShutdownHook(hook);
  }

  private void endWork() {
    cancel.run();
    try {
      if (!ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        System.err.println("tensorbridge: the work did not end in time");
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    ended.countDown();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException shuttingDown) {
      // the hook runs, and was told above that the work has ended
    }
  }
}
