package io.tensorbridge.batch;

import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.batch.wire.PlanRecord;
import io.tensorbridge.op.OpBatch;
import io.tensorbridge.op.Outcome;
import java.util.List;
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
  private final long startNanos = System.nanoTime();
  private int failedItems;
  private @Nullable WaitingItems waiting;

  /**
   * A run that has not begun.
   *
   * @param batchId by which the client knows it
   * @param batch what runs
   * @param status where it tells how it goes, begun
   * @param leases on all memory that it uses; the run is a holder of each
   * @param owner hears of its end
   */
  BatchExecution(
      long batchId,
      BoundBatch batch,
      StatusArea status,
      List<LeaseSet> leases,
      ClientBatches owner) {
    this.batchId = batchId;
    this.batch = batch;
    this.status = status;
    this.leases = leases;
    this.owner = owner;
  }

  long batchId() {
    return batchId;
  }

  int failedItems() {
    return failedItems;
  }

  /** The items that need space, which then hold the leases; else null. */
  @Nullable WaitingItems waiting() {
    return waiting;
  }

  void releaseLeases() {
    leases.forEach(LeaseSet::release);
  }

  @Override
  public void itemEnded(int item, Outcome outcome) {
    switch (outcome) {
      case Outcome.Done done -> status.done(item);
      case Outcome.NeedsSpace needs -> await(item, needs);
    }
  }

  private void await(int index, Outcome.NeedsSpace needs) {
    if (waiting == null) {
      waiting = new WaitingItems(batch.source().operation(), batch.items().size(), leases);
    }
    BoundItem item = batch.items().get(index);
    waiting.add(index, new WaitingItems.Item(item.source(), item.workBytes(), needs));
    status.plan(
        index,
        ErrorCode.NEEDS_SPACE,
        new PlanRecord("", item.workBytes(), needs.outputs()));
  }

  @Override
  public void itemFailed(int item, BridgeException failure) {
    failedItems++;
    status.failed(item, failure);
  }

  @Override
  public void progressed(long doneBytes) {
    status.progressed(doneBytes);
  }

  @Override
  public void batchEnded() {
    status.progressed(batch.workBytes());
    status.ran(System.nanoTime() - startNanos);
    owner.ended(this);
  }
}
