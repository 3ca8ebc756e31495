package io.tensorbridge.quantize;

import io.tensorbridge.BridgeException;
import io.tensorbridge.op.OpBatch;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Outcome;
import io.tensorbridge.op.WorkerPool;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Drives a single run to its end, with the calling thread among the workers. */
final class Work {
  /** Below this, threads cost more than they save. */
  private static final long PARALLEL_BYTES = 4L << 20;

  private Work() {}

  /** Runs with threads that live as long as the call. */
  static void run(long workBytes, OpRun run, int threads) {
    if (threads <= 1 || workBytes < PARALLEL_BYTES) {
      Failure failure = new Failure();
      new OpBatch(List.of(new OpBatch.Item(workBytes, () -> run)), false, 1, failure, () -> {})
          .runAll();
      failure.rethrow();
      return;
    }
    try (WorkerPool pool = new WorkerPool(threads - 1, "tensorbridge-quantize")) {
      run(workBytes, run, threads, pool);
    }
  }

  /** Runs with the threads of a pool. */
  static void run(long workBytes, OpRun run, int threads, WorkerPool pool) {
    Failure failure = new Failure();
    OpBatch batch =
        new OpBatch(
            List.of(new OpBatch.Item(workBytes, () -> run)),
            false,
            threads,
            failure,
            pool::wake);
    pool.submit(batch);
    pool.help(batch);
    failure.rethrow();
  }

  /** Keeps the failure of the only item. */
  private static final class Failure implements OpBatch.Listener {
    private final AtomicReference<@Nullable BridgeException> cause = new AtomicReference<>();

    @Override
    public void itemEnded(int item, Outcome outcome) {
      // the outputs are complete
    }

    @Override
    public void itemFailed(int item, BridgeException failure) {
      cause.set(failure);
    }

    @Override
    public void batchEnded() {
      // the caller notices by itself
    }

    void rethrow() {
      BridgeException failure = cause.get();
      if (failure != null) {
        throw failure;
      }
    }
  }
}
