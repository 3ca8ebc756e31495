package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.QuotaException;
import io.tensorbridge.batch.wire.WorkCounts;
import io.tensorbridge.op.OpBatch;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The batches of one client under their ids, and its completions; thread-safe.
 *
 * <p>A batch changes its state here before its completion becomes visible, so that the client can
 * use the id again, or resume or forget the batch, as soon as it sees that.
 */
final class ClientBatches {
  /** What stands behind an id. */
  private sealed interface Entry {
    /** At work; null only while it is being handed to the workers. */
    record InFlight(OpBatch work) implements Entry {}

    /** Some items need space. */
    record Waiting(WaitingItems items) implements Entry {}

    /** Ready to be run by its id. */
    record Prepared(BoundBatch batch, LeaseSet leases, long blockBytes) implements Entry {}
  }

  /** What an observer sees of the batches at one moment. */
  record Observed(WorkCounts work, Tally.Failure lastFailure, int inFlight, int kept) {}

  /** So many blocks of the largest size may the prepared batches of a client have come from. */
  private static final long PREPARED_BLOCKS = 4;

  private final int maxBatches;
  private final long maxPreparedBytes;
  private final ServerCounters counters;
  private final CompletionRing completions;
  private final PeerBell clientBell;
  private final ClientWatch watch;
  private final Runnable drained;

  private final ReentrantLock lock = new ReentrantLock();
  private final LongMap<Entry> entries = new LongMap<>();
  private int inFlight;
  private int prepared;
  private long preparedBytes;
  private boolean closed;
  /** When the first of the batches in flight began, or the last that ended has added its time. */
  private long busySince;

  /**
   * No batches yet.
   *
   * @param maxBatches at most so many in flight or waiting, and as many prepared
   * @param maxBlockBytes what one block may have; the blocks of prepared batches four times as much
   * @param counters count what is held
   * @param completions where ends are told
   * @param clientBell wakes the client
   * @param watch counts the runs
   * @param drained runs when the client is gone and its last batch has ended, in any thread
   */
  ClientBatches(
      int maxBatches,
      long maxBlockBytes,
      ServerCounters counters,
      CompletionRing completions,
      PeerBell clientBell,
      ClientWatch watch,
      Runnable drained) {
    this.maxBatches = maxBatches;
    this.maxPreparedBytes = PREPARED_BLOCKS * maxBlockBytes;
    this.counters = counters;
    this.completions = completions;
    this.clientBell = clientBell;
    this.watch = watch;
    this.drained = drained;
  }

  /** Refuses an id that is in use. */
  void requireFree(long batchId) {
    lock.lock();
    try {
      if (entries.get(batchId) != null) {
        throw new ProtocolException(
            ErrorCode.DUPLICATE_BATCH,
            "batch " + Long.toUnsignedString(batchId) + " is in use until it ends or is"
                + " forgotten");
      }
    } finally {
      lock.unlock();
    }
  }

  /** Refuses a run beyond the quota. */
  void requireRoomInFlight() {
    lock.lock();
    try {
      if (entries.size() - prepared >= maxBatches) {
        throw new QuotaException(
            ErrorCode.QUOTA_BATCHES,
            "a client has at most " + maxBatches + " batches in flight; await some");
      }
    } finally {
      lock.unlock();
    }
  }

  /** Adds a batch that the workers are about to get. */
  void addInFlight(long batchId, OpBatch work) {
    put(batchId, new Entry.InFlight(work));
    lock.lock();
    try {
      if (inFlight == 0) {
        busySince = System.nanoTime();
      }
      inFlight++;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Adds a prepared batch, which takes over a hold on its leases.
   *
   * @param blockBytes size of its block, by which its share of this process's heap is bounded
   */
  void addPrepared(long batchId, BoundBatch batch, LeaseSet leases, long blockBytes) {
    lock.lock();
    try {
      if (prepared >= maxBatches) {
        throw new QuotaException(
            ErrorCode.QUOTA_BATCHES,
            "a client has at most " + maxBatches + " prepared batches; forget some");
      }
      if (blockBytes > maxPreparedBytes - preparedBytes) {
        throw new QuotaException(
            ErrorCode.QUOTA_BATCHES,
            "the prepared batches of a client are described by at most " + maxPreparedBytes
                + " bytes, " + preparedBytes + " are in use and " + blockBytes
                + " more are wanted; forget some");
      }
      prepared++;
      preparedBytes += blockBytes;
      put(batchId, new Entry.Prepared(batch, leases, blockBytes));
    } finally {
      lock.unlock();
    }
  }

  private void put(long batchId, Entry entry) {
    lock.lock();
    try {
      entries.put(batchId, entry);
      counters.batches.incrementAndGet();
    } finally {
      lock.unlock();
    }
  }

  BoundBatch requirePrepared(long batchId) {
    return prepared(batchId).batch();
  }

  /** The leases of a prepared batch. */
  LeaseSet preparedLeases(long batchId) {
    return prepared(batchId).leases();
  }

  private Entry.Prepared prepared(long batchId) {
    if (entry(batchId) instanceof Entry.Prepared found) {
      return found;
    }
    throw unknown(batchId, "no prepared batch");
  }

  WaitingItems requireWaiting(long batchId) {
    if (entry(batchId) instanceof Entry.Waiting found) {
      return found.items();
    }
    throw unknown(batchId, "no batch with waiting items");
  }

  /** Asks a batch in flight to end, or lets waiting items go. */
  void cancel(long batchId) {
    switch (entry(batchId)) {
      case Entry.InFlight found -> found.work().cancel(ErrorCode.CANCELLED);
      case Entry.Waiting found -> forget(batchId);
      case Entry.Prepared found -> throw unknown(batchId, "no batch in flight");
      case null -> throw unknown(batchId, "no batch in flight");
    }
  }

  /** Releases a prepared batch or one with waiting items. */
  void forget(long batchId) {
    lock.lock();
    try {
      switch (entries.get(batchId)) {
        case Entry.Waiting found -> found.items().forget();
        case Entry.Prepared found -> {
          prepared--;
          preparedBytes -= found.blockBytes();
          found.leases().release();
        }
        case Entry.InFlight found -> throw unknown(batchId, "no prepared or waiting batch");
        case null -> throw unknown(batchId, "no prepared or waiting batch");
      }
      remove(batchId);
    } finally {
      lock.unlock();
    }
  }

  private @Nullable Entry entry(long batchId) {
    lock.lock();
    try {
      return entries.get(batchId);
    } finally {
      lock.unlock();
    }
  }

  private void remove(long batchId) {
    if (entries.remove(batchId) != null) {
      counters.batches.decrementAndGet();
    }
  }

  private static ProtocolException unknown(long batchId, String what) {
    return new ProtocolException(
        ErrorCode.UNKNOWN_BATCH, what + " has the id " + Long.toUnsignedString(batchId));
  }

  /** Ends a run, in whichever thread ended it, and tells the client. */
  void ended(BatchExecution run) {
    boolean ring;
    boolean last;
    lock.lock();
    try {
      if (entries.get(run.batchId()) instanceof Entry.InFlight) {
        remove(run.batchId());
        countBusy();
        inFlight--;
      } else if (inFlight == 0) {
        watch.dispatcher().busy(run.runNanos());
      }
      run.count();
      keepWaiting(run);
      ring =
          !closed
              && completions.post(
                  run.batchId(), ErrorCode.OK, run.failedItems(), run.waiting().size());
      last = closed && inFlight == 0;
    } finally {
      lock.unlock();
    }
    if (ring) {
      clientBell.ring();
    }
    if (last) {
      drained.run();
    }
  }

  /** Adds the time in which batches were in flight, up to now. */
  private void countBusy() {
    if (inFlight > 0) {
      long now = System.nanoTime();
      watch.workers().busy(now - busySince);
      busySince = now;
    }
  }

  /** What the workers did, and what is held. */
  Observed observe() {
    lock.lock();
    try {
      countBusy();
      Tally workers = watch.workers();
      return new Observed(
          workers.counts(), workers.lastFailure(), inFlight, entries.size() - inFlight);
    } finally {
      lock.unlock();
    }
  }

  /** Keeps the items of a run that wait, with its leases, or releases those. */
  private void keepWaiting(BatchExecution run) {
    WaitingItems origin = run.origin();
    if (origin != null) {
      origin.endResume();
    }
    boolean given = closed || (origin != null && origin.isForgotten());
    if (run.waiting().isEmpty() || given) {
      run.releaseLeases();
    } else {
      WaitingItems home = run.home();
      home.add(run.waiting(), run.leases());
      if (origin == null) {
        put(run.batchId(), new Entry.Waiting(home));
      }
    }
    if (origin != null && origin.isOver() && !origin.isForgotten()) {
      forget(origin.batchId());
    }
  }

  /** Tells the end of a submission that was not a run. */
  void complete(long batchId, ErrorCode code, int failedItems) {
    boolean ring;
    lock.lock();
    try {
      ring = !closed && completions.post(batchId, code, failedItems, 0);
    } finally {
      lock.unlock();
    }
    if (ring) {
      clientBell.ring();
    }
  }

  /** Cancels and forgets everything; {@code drained} runs now or after the last chunk. */
  void close() {
    List<OpBatch> running = new ArrayList<>();
    boolean idle;
    lock.lock();
    try {
      closed = true;
      for (long batchId : entries.keys()) {
        if (entries.get(batchId) instanceof Entry.InFlight found) {
          running.add(found.work());
        } else {
          forget(batchId);
        }
      }
      idle = inFlight == 0;
    } finally {
      lock.unlock();
    }
    running.forEach(work -> work.cancel(ErrorCode.CANCELLED));
    if (idle) {
      drained.run();
    }
  }
}
