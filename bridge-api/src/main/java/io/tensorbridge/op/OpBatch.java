package io.tensorbridge.op;

import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
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

  /**
   * Hears of the end of items and of the batch, and of progress; called by the working threads, one
   * at a time but for {@link #batchEnded()}, which comes after everything else.
   */
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
  private boolean ending;
  private volatile boolean ended;

  /**
   * A batch that has not begun.
   *
   * @param items in the order in which they are begun
   * @param continueOnError whether a failed item leaves the others running
   * @param maxThreads how many threads may work at once
   * @param listener hears what happens; it must not throw
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
    final int phaseCount;
    final long workBytes;
    int phase;
    int chunkCount;
    int claimed;
    int done;
    long countedBytes;

    Progress(OpRun run, long workBytes) {
      this.run = run;
      this.workBytes = workBytes;
      this.phaseCount = run.phaseCount();
      this.chunkCount = run.chunkCount(0);
    }

    /** The part of the item's work that is done. */
    long doneBytes() {
      double phasesDone = phase + (double) done / Math.max(1, chunkCount);
      return (long) (workBytes * (phasesDone / phaseCount));
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
      failure = BridgeException.ofThrown(thrown);
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
    lock.lock();
    try {
      if (ending || stopped != null || active >= maxThreads) {
        return null;
      }
      for (int i = firstOpen; i < items.size() && stopped == null; i++) {
        Claim claim = claimFrom(i);
        if (claim != null) {
          active++;
          return claim;
        }
      }
      if (!isDrained()) {
        return null;
      }
    } finally {
      lock.unlock();
    }
    endIfDrained();
    return null;
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
      Item next = items.get(index);
      Progress item = new Progress(next.begin().get(), next.workBytes());
      progress[index] = item;
      advance(index, item);
      return item;
    } catch (Throwable thrown) {
      fail(index, BridgeException.ofThrown(thrown));
      return null;
    }
  }

  /** Moves an item past the phases that are complete; reports it after the last one. */
  private void advance(int index, Progress item) {
    Outcome outcome;
    try {
      while (item.done == item.chunkCount && item.phase + 1 < item.phaseCount) {
        item.phase++;
        item.claimed = 0;
        item.done = 0;
        item.chunkCount = item.run.chunkCount(item.phase);
      }
      if (item.done < item.chunkCount) {
        return;
      }
      outcome = item.run.finish();
    } catch (Throwable thrown) {
      fail(index, BridgeException.ofThrown(thrown));
      return;
    }
    close(index);
    listener.itemEnded(index, outcome);
  }

  private void complete(Claim claim, @Nullable BridgeException failure) {
    boolean opened;
    boolean drained;
    lock.lock();
    try {
      active--;
      opened = active == maxThreads - 1;
      Progress item = claim.progress;
      item.done++;
      if (failure != null) {
        fail(claim.item, failure);
      } else if (!closed[claim.item]) {
        count(item, item.doneBytes());
        if (item.done == item.chunkCount) {
          advance(claim.item, item);
          opened = true;
        }
      }
      drained = isDrained();
    } finally {
      lock.unlock();
    }
    if (drained) {
      endIfDrained();
    } else if (opened) {
      wake.run();
    }
  }

  private void count(Progress item, long itemBytes) {
    if (itemBytes > item.countedBytes) {
      doneBytes += itemBytes - item.countedBytes;
      item.countedBytes = itemBytes;
      listener.progressed(doneBytes);
    }
  }

  private void fail(int index, BridgeException failure) {
    if (closed[index]) {
      return;
    }
    close(index);
    if (!continueOnError && stopped == null) {
      stopped = ErrorCode.SKIPPED;
    }
    listener.itemFailed(index, failure);
  }

  /** Ends an item, whose work then counts as done, however it ended. */
  private void close(int index) {
    closed[index] = true;
    while (firstOpen < closed.length && closed[firstOpen]) {
      firstOpen++;
    }
    Progress item = progress[index];
    if (item != null) {
      count(item, item.workBytes);
      // The run and what it holds can go; chunks still in work have their claims.
      progress[index] = null;
    } else {
      doneBytes += items.get(index).workBytes();
      listener.progressed(doneBytes);
    }
  }

  private boolean isDrained() {
    return !ending && active == 0 && (stopped != null || firstOpen == items.size());
  }

  private void endIfDrained() {
    lock.lock();
    try {
      if (!isDrained()) {
        return;
      }
      ending = true;
      for (int i = firstOpen; i < items.size(); i++) {
        if (!closed[i]) {
          listener.itemFailed(i, stopFailure());
        }
      }
    } finally {
      lock.unlock();
    }
    try {
      listener.batchEnded();
    } finally {
      ended = true;
      wake.run();
    }
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
}
