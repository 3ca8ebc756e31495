package io.tensorbridge.batch;

import io.tensorbridge.BridgeException;
import io.tensorbridge.CancelledException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.batch.wire.SubmissionKind;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * One execution of a batch, from its submission until all items have ended, over as many rounds as
 * items ask for space.
 *
 * <pre>
 *   RUN ──▶ landed ──all ended──▶ result
 *              └──some wait──▶ room for their outputs, RESUME ──▶ landed ...
 * </pre>
 *
 * <p>It holds inputs and outputs until the server has let go of them, also when the caller has given
 * up: a late kernel never writes into memory that was handed out again.
 */
final class BatchFlight implements Flight {
  private final ClientCore core;
  private final ResolvedBatch batch;
  private final long deadlineNanos;
  private final CompletableFuture<BatchResult> result = new CompletableFuture<>();
  private final List<Round> rounds = new ArrayList<>(1);
  private long failedItems;
  private volatile Round current;
  private volatile long firstId;
  private volatile long currentId;

  private BatchFlight(ClientCore core, ResolvedBatch batch, boolean withBlock) {
    this.core = core;
    this.batch = batch;
    this.deadlineNanos = System.nanoTime() + batch.timeoutNanos();
    this.current = Round.first(core.pool(), batch, withBlock);
    rounds.add(current);
  }

  /**
   * Submits a batch.
   *
   * @param batch its inputs become the flight's, also if this fails
   */
  static BatchFlight run(ClientCore core, ResolvedBatch batch) {
    return launch(core, batch, SubmissionKind.RUN, 0);
  }

  /**
   * Submits a prepared batch once more.
   *
   * @param batch its inputs are held by the prepared batch, and once more by the flight
   */
  static BatchFlight runPrepared(ClientCore core, ResolvedBatch batch, long preparedId) {
    batch.inputs().forEach(core.pool()::hold);
    return launch(core, batch, SubmissionKind.RUN_PREPARED, preparedId);
  }

  private static BatchFlight launch(
      ClientCore core, ResolvedBatch batch, SubmissionKind kind, long targetId) {
    BatchFlight flight;
    try {
      flight = new BatchFlight(core, batch, kind == SubmissionKind.RUN);
    } catch (RuntimeException | Error failure) {
      batch.inputs().forEach(core.pool()::drop);
      throw failure;
    }
    try {
      flight.submit(kind, targetId, flight.current);
      return flight;
    } catch (BridgeException failure) {
      flight.fail(failure);
      throw failure;
    }
  }

  private void submit(SubmissionKind kind, long targetId, Round round) {
    core.submit(
        new ClientRings.Request(
            kind,
            targetId,
            hasDeadline() ? Math.max(1, remainingNanos()) : 0,
            round.blockSpan(),
            round.statusSpan(),
            round.outputSpan()),
        this);
  }

  CompletableFuture<BatchResult> result() {
    return result;
  }

  boolean hasDeadline() {
    return batch.timeoutNanos() > 0;
  }

  /** How long the batch may still take. */
  long remainingNanos() {
    return deadlineNanos - System.nanoTime();
  }

  double progress() {
    return result.isDone() ? 1 : current.reader().progress();
  }

  /**
   * Ends the wait for a result, and tells the server. Memory stays held until the server answers.
   *
   * @return false if the batch has ended before
   */
  boolean abandon(BridgeException reason) {
    boolean first = result.completeExceptionally(reason);
    if (first) {
      core.reader().wakeLeader();
      core.cancel(currentId);
    }
    return first;
  }

  @Override
  public void launched(long batchId) {
    currentId = batchId;
    if (firstId == 0) {
      firstId = batchId;
    }
  }

  @Override
  public void landed(ErrorCode code, long failed, long waiting) {
    Round round = current;
    round.dropBlock();
    failedItems += failed;
    try {
      if (code != ErrorCode.OK) {
        fail(round.reader().refusal(code));
      } else if (waiting > 0) {
        // Room may need a new region, and so an answer that this very thread reads.
        Thread.ofVirtual().name("tensorbridge-resume").start(() -> resume(round));
      } else {
        finish();
      }
    } catch (BridgeException broken) {
      fail(broken);
    }
  }

  @Override
  public void lost(BridgeException reason) {
    fail(reason);
  }

  private void resume(Round last) {
    try {
      if (result.isDone()) {
        throw new CancelledException(ErrorCode.CANCELLED, "given up while items waited for space");
      }
      Round next = last.next(batch);
      rounds.add(next);
      current = next;
      submit(SubmissionKind.RESUME, firstId, next);
    } catch (BridgeException failure) {
      core.forget(firstId);
      fail(failure);
    }
  }

  private void finish() {
    BatchResult ended = new BatchResult(batch, rounds, failedItems > 0);
    BridgeException failure = ended.failureToThrow();
    if (failure != null) {
      fail(failure);
      return;
    }
    dropInputs();
    if (!result.complete(ended)) {
      ended.close();
    }
    core.reader().wakeLeader();
  }

  private void fail(BridgeException failure) {
    dropInputs();
    rounds.forEach(Round::drop);
    result.completeExceptionally(failure);
    core.reader().wakeLeader();
  }

  private void dropInputs() {
    batch.inputs().forEach(core.pool()::drop);
  }
}
