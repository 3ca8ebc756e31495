package io.tensorbridge.batch;

import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.batch.wire.PlanRecord;
import io.tensorbridge.op.FileBackedRun;
import io.tensorbridge.op.OpBatch;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Outcome;
import io.tensorbridge.op.ValueRun;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One run of a batch: writes the status area while the items end, and hands over to the client's
 * {@link ClientBatches} when all have. The threads of the batch call it one at a time.
 *
 * <p>The dispatcher uses one object for all batches that it runs itself, and leaves it to the workers
 * when they get the batch.
 */
final class BatchExecution implements OpBatch.Listener {
  private final ClientBatches owner;
  private final Map<Integer, WaitingItems.Item> waiting = new HashMap<>(0);

  private BoundBatch batch;
  private StatusArea status;
  private long batchId;
  private @Nullable WaitingItems origin;
  private @Nullable MemorySegment span;
  private List<LeaseSet> leases = List.of();
  private Tally tally;
  private @Nullable BatchTrace trace;
  private long startNanos;
  private long runNanos;
  private int failedItems;
  private @Nullable BridgeException lastFailure;

  /**
   * Nothing to run before {@link #begin}.
   *
   * @param owner hears of the end of each run
   * @param batch what will run first
   * @param status where it will tell how it goes
   * @param tally counts it
   */
  BatchExecution(ClientBatches owner, BoundBatch batch, StatusArea status, Tally tally) {
    this.owner = owner;
    this.batch = batch;
    this.status = status;
    this.tally = tally;
  }

  /**
   * Begins a run.
   *
   * @param newBatchId by which the client knows it
   * @param newBatch what runs
   * @param newStatus where it tells how it goes, begun
   * @param newOrigin where its items waited, if it resumes them
   * @param newSpan the submission's output span, if it has a use for it
   * @param newTally counts what fails and, when the owner says so, the whole run
   * @param newTrace follows the run, or null
   */
  void begin(
      long newBatchId,
      BoundBatch newBatch,
      StatusArea newStatus,
      @Nullable WaitingItems newOrigin,
      @Nullable MemorySegment newSpan,
      Tally newTally,
      @Nullable BatchTrace newTrace) {
    batch = newBatch;
    status = newStatus;
    batchId = newBatchId;
    origin = newOrigin;
    span = newSpan;
    tally = newTally;
    trace = newTrace;
    lastFailure = null;
    leases = List.of();
    failedItems = 0;
    if (!waiting.isEmpty()) {
      waiting.clear();
    }
    startNanos = System.nanoTime();
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
    return origin != null ? origin : new WaitingItems(batchId, batch.operation(), batch.size());
  }

  @Nullable
  WaitingItems origin() {
    return origin;
  }

  /** Leases on all memory that the run uses once the dispatcher goes on; it is a holder of each. */
  List<LeaseSet> leases() {
    return leases;
  }

  void hold(List<LeaseSet> held) {
    leases = held;
  }

  void releaseLeases() {
    for (int i = 0; i < leases.size(); i++) {
      leases.get(i).release();
    }
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

  // ---- running ----

  /**
   * Runs all items one after the other in this thread, without a lock: for batches whose work is
   * smaller than the way to a worker.
   */
  void runHere() {
    int count = batch.size();
    boolean stopped = false;
    for (int i = 0; i < count; i++) {
      status.zeroValue(i);
      if (stopped) {
        itemFailed(i, skipped());
      } else {
        stopped = !runHere(i, batch.item(i)) && !batch.continueOnError();
      }
    }
  }

  private boolean runHere(int index, BoundItem item) {
    try {
      if (item instanceof BoundItem.Planned planned && planned.atOnce() != null) {
        runAtOnce(index, planned.atOnce());
      } else {
        itemEnded(index, runChunks(begin(index)));
      }
      return true;
    } catch (Throwable thrown) {
      itemFailed(index, BridgeException.ofThrown(thrown));
      return false;
    }
  }

  private void runAtOnce(int index, ValueRun run) {
    if (trace != null) {
      trace.itemBegan(index);
    }
    run.run(status.memory(), status.valueOffset(index));
    status.done(index);
    trace(index, ErrorCode.OK);
  }

  private static Outcome runChunks(OpRun run) {
    int phases = run.phaseCount();
    for (int phase = 0; phase < phases; phase++) {
      int chunks = run.chunkCount(phase);
      for (int chunk = 0; chunk < chunks; chunk++) {
        run.runChunk(phase, chunk);
      }
    }
    return run.finish();
  }

  private static BridgeException skipped() {
    return BridgeException.of(
        ErrorCode.SKIPPED, "not run, because another tensor of the batch failed");
  }

  /** The items for {@link OpBatch}. */
  List<OpBatch.Item> forWorkers() {
    List<OpBatch.Item> items = new ArrayList<>(batch.size());
    for (int i = 0; i < batch.size(); i++) {
      int item = i;
      items.add(new OpBatch.Item(batch.item(i).workBytes(), () -> begin(item)));
    }
    return items;
  }

  private OpRun begin(int index) {
    if (trace != null) {
      trace.itemBegan(index);
    }
    BoundItem item = batch.item(index);
    return item.places().readsFiles()
        ? FileBackedRun.watchFrom(() -> item.begin(span, status.value(index)))
        : item.begin(span, status.value(index));
  }

  // ---- ends ----

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
    BoundItem item = batch.item(index);
    int firstIndex = item instanceof BoundItem.Continued goesOn ? goesOn.itemIndex() : index;
    waiting.put(firstIndex, new WaitingItems.Item(item.places(), item.workBytes(), needs));
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
