package io.tensorbridge.batch;

import io.tensorbridge.BridgeException;
import io.tensorbridge.BridgeTimeoutException;
import io.tensorbridge.CancelledException;
import io.tensorbridge.ErrorCode;
import java.lang.System.Logger;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleConsumer;

/** A batch under way; thread-safe. */
public final class BatchFuture {
  private static final long PROGRESS_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  private final ClientCore core;
  private final BatchFlight flight;

  BatchFuture(ClientCore core, BatchFlight flight) {
    this.core = core;
    this.flight = flight;
  }

  /**
   * Waits for the result.
   *
   * @return the result, owned by the caller; each call gives the same
   * @throws BridgeException what failed: a {@link io.tensorbridge.TensorException} names the tensor
   * @throws BridgeTimeoutException after the batch's timeout; the batch is cancelled then
   * @throws CancelledException if it was cancelled, or this thread interrupted, which cancels it
   */
  public BatchResult get() {
    return await(Long.MAX_VALUE, progress -> {});
  }

  /**
   * Waits for the result, but not for ever.
   *
   * @param patience how long; the batch is cancelled after that
   * @return the result, owned by the caller
   * @throws BridgeTimeoutException if the time ran out; the memory of the outputs is used again only
   *     when the server has let go of it
   */
  public BatchResult get(Duration patience) {
    return await(patience.toNanos(), progress -> {});
  }

  /**
   * Waits for the result and hears of the progress.
   *
   * @param listener called by this thread with rising numbers from 0 to 1, at most fifty times a
   *     second, and with 1 at the end; what it throws is logged once and does not stop the batch
   * @return the result, owned by the caller
   */
  public BatchResult get(DoubleConsumer listener) {
    return await(Long.MAX_VALUE, new Guarded(listener));
  }

  private BatchResult await(long patienceNanos, DoubleConsumer listener) {
    CompletableFuture<BatchResult> result = flight.result();
    long begin = System.nanoTime();
    try {
      while (!result.isDone()) {
        long left = remainingNanos(patienceNanos, begin);
        if (left <= 0) {
          flight.abandon(late(System.nanoTime() - begin));
        } else if (!core.reader().await(result, stepNanos(left, listener))) {
          listener.accept(flight.progress());
        }
      }
    } catch (CancelledException interrupted) {
      flight.abandon(interrupted);
      throw interrupted;
    }
    BatchResult ended = Waiting.resultOf(result);
    listener.accept(1);
    return ended;
  }

  private long remainingNanos(long patienceNanos, long begin) {
    long left =
        patienceNanos == Long.MAX_VALUE
            ? Long.MAX_VALUE
            : patienceNanos - (System.nanoTime() - begin);
    return flight.hasDeadline() ? Math.min(left, flight.remainingNanos()) : left;
  }

  private static long stepNanos(long left, DoubleConsumer listener) {
    return listener instanceof Guarded ? Math.min(left, PROGRESS_NANOS) : left;
  }

  private static BridgeTimeoutException late(long nanos) {
    return new BridgeTimeoutException(
        "the batch did not end within " + TimeUnit.NANOSECONDS.toMillis(nanos)
            + " ms; it is being cancelled");
  }

  /**
   * Whether the batch has ended, well or not.
   *
   * @return true if {@link #get()} does not wait
   */
  public boolean isDone() {
    return flight.result().isDone();
  }

  /**
   * How much of the work is done.
   *
   * @return 0 to 1, rising
   */
  public double progress() {
    return flight.progress();
  }

  /**
   * Gives up the result. The server stops at the next chunk of work.
   *
   * @return false if the batch has ended before
   */
  public boolean cancel() {
    return flight.abandon(new CancelledException(ErrorCode.CANCELLED, "cancelled by its caller"));
  }

  /**
   * The same result for asynchronous code.
   *
   * @return a future that ends like {@link #get()}, on the common pool; cancelling it changes
   *     nothing here
   */
  public CompletableFuture<BatchResult> toCompletableFuture() {
    // Never on the client's reader thread: what is chained to it may wait for the server.
    return flight
        .result()
        .handleAsync((result, failure) -> Waiting.resultOf(flight.result()));
  }

  /** A listener whose failures are logged once. */
  private static final class Guarded implements DoubleConsumer {
    private static final Logger LOG = System.getLogger(BatchFuture.class.getName());

    private final DoubleConsumer listener;
    private double last = -1;
    private boolean failed;

    Guarded(DoubleConsumer listener) {
      this.listener = listener;
    }

    @Override
    public void accept(double progress) {
      if (failed || progress <= last) {
        return;
      }
      last = progress;
      try {
        listener.accept(progress);
      } catch (RuntimeException failure) {
        failed = true;
        LOG.log(Logger.Level.WARNING, "the progress listener failed and is not called again",
            failure);
      }
    }
  }
}
