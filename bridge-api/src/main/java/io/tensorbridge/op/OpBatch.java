package io.tensorbridge.op;

import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorException;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The execution of many items by many threads; thread-safe.
 *
 * <p>Threads claim chunks in the order of the items, so a few items are in work at a time and their
 * memory stays warm. A failed item ends alone; whether the others go on is the caller's choice.
 */
public final class OpBatch implements WorkerPool.Work {
  /**
   * One item: its weight, and how to begin it.
   *
   * @param workBytes memory traffic, for progress
   * @param begin gives the execution when the item's turn comes
   */
  public record Item(long workBytes, Supplier<OpRun> begin) {}

  /** Hears of the end of items and of the batch, and of progress; called by the working threads. */
  public interface Listener {
    /**
     * An item has ended well or waits for space.
     *
     * @param item its index
     * @param outcome how it ended
     */
    void itemEnded(int item, Outcome outcome);

    /**
     * An item has failed, was cancelled, or was skipped.
     *
     * @param item its index
     * @param failure the cause
     */
    void itemFailed(int item, BridgeException failure);

    /**
     * Work was done; called in turn, with rising numbers.
     *
     * @param doneBytes of the sum of all items' {@code workBytes}
     */
    default void progressed(long doneBytes) {}

    /** Every item has been reported; called once, last. */
    void batchEnded();
  }

  private final List<Item> items;
  private final boolean continueOnError;
  private final int maxThreads;
  private final Listener listener;
  private final Runnable wake;

  private final ReentrantLock lock = new ReentrantLock();
  private final @Nullable Progress[] progress;
  private final boolean[] closed;
  private int firstOpen;
  private int active;
  private long doneBytes;
  private @Nullable ErrorCode stopped;
  private volatile boolean ended;

  /**
   * A batch that has not begun.
   *
   * @param items in the order in which they are begun
   * @param continueOnError whether a failed item leaves the others running
   * @param maxThreads how many threads may work at once
   * @param listener hears what happens
   * @param wake called when threads that found no step may find one again
   */
  public OpBatch(
      List<Item> items,
      boolean continueOnError,
      int maxThreads,
      Listener listener,
      Runnable wake) {
    this.items = items;
    this.continueOnError = continueOnError;
    this.maxThreads = Math.max(1, maxThreads);
    this.listener = listener;
    this.wake = wake;
    this.progress = new Progress[items.size()];
    this.closed = new boolean[items.size()];
  }

  /** An item in work. */
  private static final class Progress {
    final OpRun run;
    int phase;
    int chunkCount;
    int claimed;
    int done;

    Progress(OpRun run) {
      this.run = run;
      this.chunkCount = run.chunkCount(0);
    }
  }

  /** A chunk that one thread has taken. */
  private record Claim(int item, Progress progress, int phase, int chunk) {}

  @Override
  public boolean step() {
    Claim claim = claim();
    if (claim == null) {
      return false;
    }
    BridgeException failure = null;
    try {
      claim.progress.run.runChunk(claim.phase, claim.chunk);
    } catch (Throwable thrown) {
      failure = asFailure(thrown);
    }
    complete(claim, failure);
    return true;
  }

  @Override
  public boolean isEnded() {
    return ended;
  }

  /** Runs the whole batch in the calling thread; not to be mixed with {@link #step()}. */
  public void runAll() {
    while (step()) {
      // every step makes progress, and alone nothing has to be waited for
    }
    endIfDrained();
  }

  /**
   * Stops the batch: chunks in work end, everything else is reported as failed.
   *
   * @param why {@link ErrorCode#CANCELLED} or {@link ErrorCode#TIMEOUT}
   */
  public void cancel(ErrorCode why) {
    lock.lock();
    try {
      if (stopped == null) {
        stopped = why;
      }
    } finally {
      lock.unlock();
    }
    endIfDrained();
  }

  private @Nullable Claim claim() {
    boolean drained = false;
    try {
      lock.lock();
      try {
        if (ended || stopped != null || active >= maxThreads) {
          return null;
        }
        for (int i = firstOpen; i < items.size(); i++) {
          Claim claim = claimFrom(i);
          if (claim != null) {
            active++;
            return claim;
          }
          if (stopped != null) {
            break;
          }
        }
        drained = active == 0;
        return null;
      } finally {
        lock.unlock();
      }
    } finally {
      if (drained) {
        endIfDrained();
      }
    }
  }

  private @Nullable Claim claimFrom(int index) {
    if (closed[index]) {
      return null;
    }
    Progress item = progress[index];
    if (item == null) {
      item = begin(index);
    }
    if (item == null || closed[index] || item.claimed == item.chunkCount) {
      return null;
    }
    return new Claim(index, item, item.phase, item.claimed++);
  }

  private @Nullable Progress begin(int index) {
    try {
      Progress item = new Progress(items.get(index).begin().get());
      progress[index] = item;
      advance(index, item);
      return item;
    } catch (Throwable thrown) {
      fail(index, asFailure(thrown));
      return null;
    }
  }

  /** Moves an item past the phases that are complete; reports it after the last one. */
  private void advance(int index, Progress item) {
    try {
      while (item.done == item.chunkCount) {
        item.phase++;
        item.claimed = 0;
        item.done = 0;
        if (item.phase >= item.run.phaseCount()) {
          Outcome outcome = item.run.finish();
          close(index);
          listener.itemEnded(index, outcome);
          return;
        }
        item.chunkCount = item.run.chunkCount(item.phase);
      }
    } catch (Throwable thrown) {
      fail(index, asFailure(thrown));
    }
  }

  private void complete(Claim claim, @Nullable BridgeException failure) {
    boolean opened = false;
    lock.lock();
    try {
      active--;
      Progress item = claim.progress;
      item.done++;
      if (failure != null) {
        fail(claim.item, failure);
      } else if (!closed[claim.item]) {
        countProgress(claim, item);
        if (item.done == item.chunkCount) {
          advance(claim.item, item);
          opened = true;
        }
      }
      opened |= active == maxThreads - 1;
    } finally {
      lock.unlock();
    }
    if (opened) {
      wake.run();
    }
    endIfDrained();
  }

  private void countProgress(Claim claim, Progress item) {
    long share = items.get(claim.item).workBytes() / item.run.phaseCount();
    long before = share * (item.done - 1) / item.chunkCount;
    doneBytes += share * item.done / item.chunkCount - before;
    listener.progressed(doneBytes);
  }

  private void fail(int index, BridgeException failure) {
    if (closed[index]) {
      return;
    }
    close(index);
    listener.itemFailed(index, failure);
    if (!continueOnError && stopped == null) {
      stopped = ErrorCode.SKIPPED;
    }
  }

  private void close(int index) {
    closed[index] = true;
    while (firstOpen < closed.length && closed[firstOpen]) {
      firstOpen++;
    }
  }

  private void endIfDrained() {
    lock.lock();
    try {
      if (ended || active > 0 || (stopped == null && firstOpen < items.size())) {
        return;
      }
      for (int i = firstOpen; i < items.size(); i++) {
        if (!closed[i]) {
          listener.itemFailed(i, stopFailure());
        }
      }
      ended = true;
    } finally {
      lock.unlock();
    }
    listener.batchEnded();
    wake.run();
  }

  private BridgeException stopFailure() {
    ErrorCode why = stopped == null ? ErrorCode.CANCELLED : stopped;
    return BridgeException.of(
        why,
        switch (why) {
          case SKIPPED -> "not run, because another tensor of the batch failed";
          case TIMEOUT -> "not finished before the timeout";
          default -> "cancelled";
        });
  }

  private static BridgeException asFailure(Throwable thrown) {
    return switch (thrown) {
      case BridgeException known -> known;
      case OutOfMemoryError memory ->
          BridgeException.of(ErrorCode.OUT_OF_MEMORY, "the Java heap is full: " + memory);
      default ->
          new TensorException(
              ErrorCode.TENSOR_FAILED, "", -1, "the operation failed: " + thrown, thrown);
    };
  }
}
