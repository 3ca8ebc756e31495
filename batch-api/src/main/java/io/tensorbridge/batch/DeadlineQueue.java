package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.op.OpBatch;
import java.util.PriorityQueue;

/** When batches must have ended; used by the dispatcher only. */
final class DeadlineQueue {
  private static final int PURGE_ABOVE = 256;

  private record Deadline(long nanoTime, OpBatch work) {}

  private final PriorityQueue<Deadline> deadlines =
      new PriorityQueue<>((a, b) -> Long.signum(a.nanoTime - b.nanoTime));
  private int purgeAbove = PURGE_ABOVE;

  /** Stops a batch if it has not ended by then. */
  void add(OpBatch work, long timeoutNanos) {
    if (deadlines.size() >= purgeAbove) {
      deadlines.removeIf(deadline -> deadline.work.isEnded());
      purgeAbove = Math.max(PURGE_ABOVE, 2 * deadlines.size());
    }
    long bounded = Math.min(timeoutNanos, Long.MAX_VALUE >> 1);
    deadlines.add(new Deadline(System.nanoTime() + bounded, work));
  }

  /**
   * Stops what is late.
   *
   * @param now {@link System#nanoTime()}
   */
  void expire(long now) {
    while (!deadlines.isEmpty() && deadlines.element().nanoTime - now <= 0) {
      deadlines.remove().work.cancel(ErrorCode.TIMEOUT);
    }
  }

  /**
   * How long until the next deadline.
   *
   * @param now {@link System#nanoTime()}
   * @return nanoseconds, or -1 if there is none
   */
  long nanosToNext(long now) {
    while (!deadlines.isEmpty() && deadlines.element().work.isEnded()) {
      deadlines.remove();
    }
    return deadlines.isEmpty() ? -1 : Math.max(0, deadlines.element().nanoTime - now);
  }

  boolean isEmpty() {
    return deadlines.isEmpty();
  }
}
