package io.tensorbridge.batch;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.BridgeException;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A batch that was validated once and is run again and again on the same inputs, whose bytes may
 * change between runs; thread-safe.
 *
 * <p>Each run writes into memory of its own, so results that are held never share any.
 */
public final class PreparedBatch implements AutoCloseable {
  private final ClientCore core;
  private final ResolvedBatch batch;
  private final long preparedId;
  private final AtomicBoolean closed = new AtomicBoolean();

  PreparedBatch(ClientCore core, ResolvedBatch batch, long preparedId) {
    this.core = core;
    this.batch = batch;
    this.preparedId = preparedId;
  }

  /**
   * Runs the batch and waits for the result.
   *
   * @return the result, owned by the caller
   * @throws BridgeException what failed
   */
  public BatchResult run() {
    return submit().get();
  }

  /**
   * Runs the batch.
   *
   * @return the run under way
   * @throws BridgeException if the server can't be reached or memory can't be had
   */
  public BatchFuture submit() {
    if (closed.get()) {
      throw new BridgeClosedException("the prepared batch was closed; prepare it again");
    }
    return new BatchFuture(core, BatchFlight.runPrepared(core, batch, preparedId));
  }

  /** Lets the server and the pool forget the batch; runs under way go on. */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      core.forget(preparedId);
      batch.inputs().forEach(core.pool()::drop);
    }
  }
}
