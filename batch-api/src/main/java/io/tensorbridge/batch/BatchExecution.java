package io.tensorbridge.batch;

import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.batch.wire.PlanRecord;
import io.tensorbridge.op.OpBatch;
import io.tensorbridge.op.Outcome;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One run of a batch: writes the status area while the items end, and hands over to the client's
 * {@link ClientBatches} when all have. The threads of the batch call it one at a time.
 */
final class BatchExecution implements OpBatch.Listener {
  private final long batchId;
  private final BoundBatch batch;
  private final StatusArea status;
  private final List<LeaseSet> leases;
  private final ClientBatches owner;
  private final Tally tally;
  private final @Nullable BatchTrace trace;
  private final long startNanos = System.nanoTime();
  private final Map<Integer, WaitingItems.Item> waiting = new HashMap<>();
  private final @Nullable WaitingItems origin;
  private int failedItems;
  private long runNanos;
  private @Nullable BridgeException lastFailure;

  /**
   * A run that has not begun.
   *
   * @param batchId by which the client knows it
   * @param origin where its items waited, if it resumes them
   * @param batch what runs
   * @param status where it tells how it goes, begun
   * @param leases on all memory that it uses; the run is a holder of each
   * @param owner hears of its end
   * @param tally counts what fails and, when the owner says so, the whole run
   * @param trace follows the run, or null
   */
  BatchExecution(
      long batchId,
      @Nullable WaitingItems origin,
      BoundBatch batch,
      StatusArea status,
      List<LeaseSet> leases,
      ClientBatches owner,
      Tally tally,
      @Nullable BatchTrace trace) {
    this.batchId = batchId;
    this.origin = origin;
    this.batch = batch;
    this.status = status;
    this.leases = leases;
    this.owner = owner;
    this.tally = tally;
    this.trace = trace;
  }

  long batchId() {
    return batchId;
  }

  int failedItems() {
    return failedItems;
  }

  /** The items that need space, under their index in the batch that they began in. */
  Map<Integer, WaitingItems.Item> waiting() {
    return waiting;
  }

  /** Where waiting items are kept: with those of the batch that they began in. */
  WaitingItems home() {
    return origin != null
        ? origin
        : new WaitingItems(
            batchId, batch.source().operation(), batch.items().size(), batch.readsFiles());
  }

  @Nullable
  WaitingItems origin() {
    return origin;
  }

  List<LeaseSet> leases() {
    return leases;
  }

  long startNanos() {
    return startNanos;
  }

  long runNanos() {
    return runNanos;
  }

  /** Counts the run, once, before its completion can be seen. */
  void count() {
    tally.ran(batch, failedItems, runNanos);
    if (lastFailure != null) {
      tally.failed(lastFailure);
    }
    if (trace != null) {
      trace.ended(failedItems, waiting.size(), runNanos);
    }
  }

  void releaseLeases() {
    leases.forEach(LeaseSet::release);
  }

  @Override
  public void itemEnded(int item, Outcome outcome) {
    switch (outcome) {
      case Outcome.Done done -> {
        status.done(item);
        trace(item, ErrorCode.OK);
      }
      case Outcome.NeedsSpace needs -> {
        await(item, needs);
        trace(item, ErrorCode.NEEDS_SPACE);
      }
    }
  }

  private void await(int index, Outcome.NeedsSpace needs) {
    BoundItem item = batch.items().get(index);
    int firstIndex = origin == null ? index : batch.source().items().get(index).itemIndex();
    waiting.put(firstIndex, new WaitingItems.Item(item.source(), item.workBytes(), needs));
    status.plan(
        index,
        ErrorCode.NEEDS_SPACE,
        new PlanRecord("", item.workBytes(), needs.outputs()));
  }

  @Override
  public void itemFailed(int item, BridgeException failure) {
    failedItems++;
    lastFailure = failure;
    trace(item, failure.code());
    status.failed(item, failure);
  }

  private void trace(int item, ErrorCode code) {
    if (trace != null) {
      trace.itemEnded(item, code);
    }
  }

  @Override
  public void progressed(long doneBytes) {
    status.progressed(doneBytes);
  }

  @Override
  public void batchEnded() {
    status.progressed(batch.workBytes());
    runNanos = System.nanoTime() - startNanos;
    status.ran(runNanos);
    owner.ended(this);
  }
}
