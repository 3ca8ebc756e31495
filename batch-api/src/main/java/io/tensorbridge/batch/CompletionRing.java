package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.batch.wire.CompletionEntry;
import io.tensorbridge.batch.wire.ControlLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * The server's end of a completion ring; one thread posts at a time, any may look.
 *
 * <p>It can't overflow: a client that has more submissions without a taken completion than the ring
 * has entries loses its connection before the submission is taken.
 */
final class CompletionRing {
  private final MemorySegment control;
  private final int entries;
  private volatile int tail;

  CompletionRing(MemorySegment control, int entries) {
    this.control = control;
    this.entries = entries;
    this.tail = ControlLayout.completionTail(control);
  }

  int tail() {
    return tail;
  }

  /**
   * Publishes a completion.
   *
   * @param batchId as submitted
   * @param code whether the submission was accepted
   * @param failedItems items that failed
   * @param waitingItems items that need space
   * @return whether the client sleeps and its doorbell must be rung
   */
  boolean post(long batchId, ErrorCode code, int failedItems, int waitingItems) {
    int index = tail;
    CompletionEntry.write(
        control,
        ControlLayout.completionOffset(entries, index),
        batchId,
        code.number(),
        failedItems,
        waitingItems);
    tail = index + 1;
    ControlLayout.storeCompletionTail(control, index + 1);
    VarHandle.fullFence();
    return ControlLayout.clientSleeping(control);
  }
}
