package io.tensorbridge.batch;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.QuotaException;
import io.tensorbridge.batch.wire.CompletionEntry;
import io.tensorbridge.batch.wire.ControlLayout;
import io.tensorbridge.batch.wire.SubmissionEntry;
import io.tensorbridge.batch.wire.SubmissionKind;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The client's side of both rings, and who waits for which completion; thread-safe.
 *
 * <p>At most as many submissions are under way as the rings have entries, so the completion ring
 * can't overflow. A quarter of them is kept for CANCEL and FORGET, so that these never wait for the
 * batches that they are to end.
 */
final class ClientRings {
  private static final Duration REQUEST_PATIENCE = Duration.ofSeconds(30);

  private final ServerLink link;
  private final MemorySegment control;
  private final int entries;
  private final Duration patience;
  private final int maxBatches;
  private final Semaphore batches;
  private final Semaphore requests;
  private final Map<Long, Flight> flights = new ConcurrentHashMap<>();

  private final ReentrantLock submitting = new ReentrantLock();
  private int tail;
  private long nextId = 1;

  private final ReentrantLock taking = new ReentrantLock();
  private volatile int head;

  ClientRings(ServerLink link, int entries, Duration patience) {
    this.link = link;
    this.control = link.control();
    this.entries = entries;
    this.patience = patience;
    this.requests = new Semaphore(entries / 4);
    this.maxBatches = Math.min(entries - entries / 4, link.limits().maxBatches());
    this.batches = new Semaphore(maxBatches);
  }

  /** What a submission says, its id aside. */
  record Request(
      SubmissionKind kind,
      long targetId,
      long timeoutNanos,
      WireSpan block,
      WireSpan status,
      WireSpan output) {
    static Request about(SubmissionKind kind, long targetId) {
      return new Request(kind, targetId, 0, WireSpan.NONE, WireSpan.NONE, WireSpan.NONE);
    }

    private boolean isBatch() {
      return kind != SubmissionKind.CANCEL && kind != SubmissionKind.FORGET;
    }
  }

  /**
   * Publishes a submission.
   *
   * @param flight hears of its end, exactly once; not at all if this fails
   * @return its batch id
   * @throws QuotaException if as many batches as allowed stay in flight for too long
   * @throws BridgeException the reason if the connection is over
   */
  long submit(Request request, Flight flight) {
    link.requireAlive();
    Semaphore permits = request.isBatch() ? batches : requests;
    acquire(permits, request.isBatch());
    long id;
    try {
      id = publish(request, new Counted(flight, permits));
    } catch (RuntimeException | Error failure) {
      permits.release();
      throw failure;
    }
    wakeServer();
    BridgeException end = link.end();
    if (end != null) {
      lose(id, end);
    }
    return id;
  }

  private long publish(Request request, Flight flight) {
    submitting.lock();
    try {
      long id = nextId;
      long at = ControlLayout.submissionOffset(entries, tail);
      SubmissionEntry.write(
          control, at, id, request.kind(), request.targetId(), request.timeoutNanos());
      request.block().write(control, SubmissionEntry.blockOffset(at));
      request.status().write(control, SubmissionEntry.statusOffset(at));
      request.output().write(control, SubmissionEntry.outputOffset(at));
      flight.launched(id);
      flights.put(id, flight);
      try {
        ControlLayout.storeSubmissionTail(control, tail + 1);
      } catch (IllegalStateException unmapped) {
        flights.remove(id);
        throw unmapped;
      }
      tail++;
      nextId++;
      return id;
    } finally {
      submitting.unlock();
    }
  }

  private void wakeServer() {
    VarHandle.fullFence();
    try {
      if (ControlLayout.serverSleeping(control)) {
        link.ringServer();
      }
    } catch (IllegalStateException | BridgeClosedException closed) {
      // The connection has ended meanwhile: there is nobody to wake.
    }
  }

  private void acquire(Semaphore permits, boolean forBatch) {
    // A server answers requests at once: that one waits for others says nothing of the load.
    Duration bound = forBatch ? patience : REQUEST_PATIENCE;
    try {
      if (!permits.tryAcquire()
          && !permits.tryAcquire(bound.toNanos(), TimeUnit.NANOSECONDS)) {
        throw new QuotaException(ErrorCode.QUOTA_BATCHES, whatIsFull(forBatch));
      }
    } catch (InterruptedException interrupted) {
      throw Waiting.interrupted();
    }
  }

  private String whatIsFull(boolean forBatch) {
    if (!forBatch) {
      return entries / 4 + " requests to cancel or forget have not been answered for "
          + REQUEST_PATIENCE.toSeconds() + " s; the server stands still";
    }
    return maxBatches + " batches, as many as rings of " + entries
        + " entries and the server's limit of " + link.limits().maxBatches()
        + " allow, have been in flight for " + patience.toMillis()
        + " ms; wait for some of them, submit fewer and larger ones, or have more patience";
  }

  /**
   * Takes all completions that have been published and tells who waits for them.
   *
   * @return whether there was one
   * @throws ProtocolException {@link ErrorCode#RING_CORRUPT} if the server broke the ring
   */
  boolean drain() {
    boolean any = false;
    while (ControlLayout.completionTail(control) != head && takeOne()) {
      any = true;
    }
    return any;
  }

  private boolean takeOne() {
    long id;
    int code;
    long failed;
    long waiting;
    taking.lock();
    try {
      int published = ControlLayout.completionTail(control) - head;
      if (published == 0) {
        return false;
      }
      if (Integer.compareUnsigned(published, entries) > 0) {
        throw new ProtocolException(
            ErrorCode.RING_CORRUPT,
            "the server claims " + Integer.toUnsignedString(published)
                + " completions in a ring of "
                + entries);
      }
      long at = ControlLayout.completionOffset(entries, head);
      id = CompletionEntry.batchId(control, at);
      code = CompletionEntry.code(control, at);
      failed = CompletionEntry.failedItems(control, at);
      waiting = CompletionEntry.waitingItems(control, at);
      int next = head + 1;
      ControlLayout.storeCompletionHead(control, next);
      head = next;
    } finally {
      taking.unlock();
    }
    Flight flight = flights.remove(id);
    if (flight != null) {
      flight.landed(ErrorCode.ofNumber(code), failed, waiting);
    }
    return true;
  }

  /** Tells all who wait that the connection is over. */
  void loseAll(BridgeException reason) {
    List.copyOf(flights.keySet()).forEach(id -> lose(id, reason));
  }

  private void lose(long id, BridgeException reason) {
    Flight flight = flights.remove(id);
    if (flight != null) {
      flight.lost(reason);
    }
  }

  /** Gives back the place in the ring before anybody hears of the end. */
  private record Counted(Flight flight, Semaphore permits) implements Flight {
    @Override
    public void launched(long batchId) {
      flight.launched(batchId);
    }

    @Override
    public void landed(ErrorCode code, long failedItems, long waitingItems) {
      permits.release();
      flight.landed(code, failedItems, waitingItems);
    }

    @Override
    public void lost(BridgeException reason) {
      permits.release();
      flight.lost(reason);
    }
  }
}
