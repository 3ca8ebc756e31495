package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import org.jspecify.annotations.Nullable;

/**
 * Follows one submission for the flight recorder; thread-safe. There is none while no recording
 * wants it.
 */
final class BatchTrace {
  private final long takenNanos = System.nanoTime();
  private final BatchEvent event = new BatchEvent();
  private ItemEvent @Nullable [] items;
  private @Nullable BoundBatch batch;
  private long queueNanos = -1;

  /**
   * A submission was just taken.
   *
   * @param client the client's number
   * @param batchId as submitted
   */
  BatchTrace(long client, long batchId) {
    event.client = client;
    event.batch = batchId;
    event.begin();
  }

  /** The submission is a batch that is about to run. */
  synchronized void bound(BoundBatch bound, boolean onWorkers) {
    batch = bound;
    event.operation = bound.operation();
    event.items = bound.size();
    event.inputBytes = bound.inputBytes();
    event.outputBytes = bound.outputBytes();
    event.onWorkers = onWorkers;
    if (ItemEvent.isWanted()) {
      items = new ItemEvent[bound.size()];
    }
  }

  synchronized void itemBegan(int index) {
    if (queueNanos < 0) {
      queueNanos = System.nanoTime() - takenNanos;
    }
    if (items != null) {
      items[index] = new ItemEvent();
      items[index].begin();
    }
  }

  synchronized void itemEnded(int index, ErrorCode code) {
    BoundBatch bound = batch;
    if (items == null || bound == null || items[index] == null) {
      return;
    }
    ItemEvent ended = items[index];
    ended.end();
    if (ended.shouldCommit()) {
      ended.client = event.client;
      ended.batch = event.batch;
      ended.index = index;
      ended.operation = event.operation;
      ended.inputBytes = bound.item(index).places().inputBytes();
      ended.outputBytes = bound.item(index).places().outputBytes();
      ended.outcome = code.name();
      ended.commit();
    }
  }

  /** All items have ended; the client does not know yet. */
  synchronized void ended(int failedItems, int waitingItems, long runNanos) {
    event.failedItems = failedItems;
    event.waitingItems = waitingItems;
    event.runNanos = runNanos;
    event.queueNanos = Math.max(0, queueNanos);
    commit(ErrorCode.OK);
  }

  /** The submission was refused as a whole. */
  synchronized void refused(ErrorCode code) {
    commit(code);
  }

  private void commit(ErrorCode code) {
    event.outcome = code.name();
    event.commit();
  }
}
