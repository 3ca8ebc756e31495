package io.tensorbridge.batch;

import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.op.FileBackedRun;
import io.tensorbridge.op.OpBatch;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Outcome;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The items of one submission with the memory that it brings: run at once, or by the workers.
 *
 * @param batch the items
 * @param status where values and statuses go, begun
 * @param span the submission's output span, if it has one
 * @param trace follows the items, or null
 */
record ItemRuns(
    BoundBatch batch,
    StatusArea status,
    @Nullable MemorySegment span,
    @Nullable BatchTrace trace) {
  private OpRun begin(int item) {
    if (trace != null) {
      trace.itemBegan(item);
    }
    return batch.readsFiles()
        ? FileBackedRun.watchFrom(() -> beginUnwatched(item))
        : beginUnwatched(item);
  }

  private OpRun beginUnwatched(int item) {
    return batch.items().get(item).begin(span, status.value(item));
  }

  /**
   * Runs all items one after the other in this thread, without a lock: for batches whose work is
   * smaller than the way to a worker.
   *
   * @param listener hears of each item, not of progress nor of the end
   */
  void runHere(OpBatch.Listener listener) {
    int count = batch.items().size();
    boolean stopped = false;
    for (int i = 0; i < count; i++) {
      if (stopped) {
        listener.itemFailed(i, skipped());
      } else {
        stopped = !runHere(i, listener) && !batch.source().continueOnError();
      }
    }
  }

  private boolean runHere(int item, OpBatch.Listener listener) {
    Outcome outcome;
    try {
      OpRun run = begin(item);
      int phases = run.phaseCount();
      for (int phase = 0; phase < phases; phase++) {
        int chunks = run.chunkCount(phase);
        for (int chunk = 0; chunk < chunks; chunk++) {
          run.runChunk(phase, chunk);
        }
      }
      outcome = run.finish();
    } catch (Throwable thrown) {
      listener.itemFailed(item, BridgeException.ofThrown(thrown));
      return false;
    }
    listener.itemEnded(item, outcome);
    return true;
  }

  private static BridgeException skipped() {
    return BridgeException.of(
        ErrorCode.SKIPPED, "not run, because another tensor of the batch failed");
  }

  /** The items for {@link OpBatch}. */
  List<OpBatch.Item> forWorkers() {
    List<OpBatch.Item> items = new ArrayList<>(batch.items().size());
    for (int i = 0; i < batch.items().size(); i++) {
      int item = i;
      items.add(new OpBatch.Item(batch.items().get(i).workBytes(), () -> begin(item)));
    }
    return items;
  }
}
