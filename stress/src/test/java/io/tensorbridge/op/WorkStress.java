package io.tensorbridge.op;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;

import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/** Chunks are run once each, batches end once, and workers sleep through nothing. */
public final class WorkStress {
  private WorkStress() {}

  /** A batch of two items of two chunks each, and what became of them. */
  private static final class Counted implements OpBatch.Listener {
    final AtomicIntegerArray chunks = new AtomicIntegerArray(4);
    final AtomicInteger itemReports = new AtomicInteger();
    final AtomicInteger ends = new AtomicInteger();
    final CountDownLatch ended = new CountDownLatch(1);
    final OpBatch batch;

    Counted(Runnable wake) {
      batch = new OpBatch(List.of(item(0), item(1)), false, 2, this, wake);
    }

    private OpBatch.Item item(int index) {
      return new OpBatch.Item(
          1,
          () -> new OpRun() {
            @Override
            public int chunkCount(int phase) {
              return 2;
            }

            @Override
            public void runChunk(int phase, int chunk) {
              chunks.incrementAndGet(2 * index + chunk);
            }
          });
    }

    void work() {
      batch.runAll();
    }

    @Override
    public void itemEnded(int item, io.tensorbridge.op.Outcome outcome) {
      itemReports.incrementAndGet();
    }

    @Override
    public void itemFailed(int item, BridgeException failure) {
      itemReports.incrementAndGet();
    }

    @Override
    public void batchEnded() {
      ends.incrementAndGet();
      ended.countDown();
    }

    int leastRuns() {
      return Math.min(
          Math.min(chunks.get(0), chunks.get(1)), Math.min(chunks.get(2), chunks.get(3)));
    }

    int mostRuns() {
      return Math.max(
          Math.max(chunks.get(0), chunks.get(1)), Math.max(chunks.get(2), chunks.get(3)));
    }
  }

  /** Two threads share out a batch. */
  @JCStressTest
  @Outcome(
      id = "1, 2, 1",
      expect = ACCEPTABLE,
      desc = "each chunk ran once, each item was reported once, one end")
  @State
  public static class TwoThreadsClaimChunks {
    private final Counted work = new Counted(() -> {});

    @Actor
    public void first() {
      work.work();
    }

    @Actor
    public void second() {
      work.work();
    }

    @Arbiter
    public void end(III_Result seen) {
      seen.r1 = work.leastRuns() == work.mostRuns() ? work.mostRuns() : -1;
      seen.r2 = work.itemReports.get();
      seen.r3 = work.ends.get();
    }
  }

  /** A thread works, another one cancels. */
  @JCStressTest
  @Outcome(
      id = {"0, 2, 1", "1, 2, 1"},
      expect = ACCEPTABLE,
      desc = "no chunk ran twice, each item was reported once, one end")
  @State
  public static class CancelledAtWork {
    private final Counted work = new Counted(() -> {});

    @Actor
    public void works() {
      work.work();
    }

    @Actor
    public void cancels() {
      work.batch.cancel(ErrorCode.CANCELLED);
    }

    @Arbiter
    public void end(III_Result seen) {
      seen.r1 = work.mostRuns();
      seen.r2 = work.itemReports.get();
      seen.r3 = work.ends.get();
    }
  }

  /** Two clients submit to sleeping workers, each bounded to one of them. */
  @JCStressTest
  @Outcome(
      id = "1, 1",
      expect = ACCEPTABLE,
      desc = "both were worked off")
  @State
  public static class WorkersAreWoken {
    private static final WorkerPool POOL = new WorkerPool(2, "stress");
    private static final WorkerPool.Share ONE = POOL.share(1);
    private static final WorkerPool.Share OTHER = POOL.share(1);

    private final Counted first = new Counted(POOL::wake);
    private final Counted second = new Counted(POOL::wake);

    @Actor
    public void one() {
      POOL.submit(first.batch, ONE);
    }

    @Actor
    public void other() {
      POOL.submit(second.batch, OTHER);
    }

    @Arbiter
    public void end(II_Result seen) {
      seen.r1 = ends(first);
      seen.r2 = ends(second);
    }

    private static int ends(Counted work) {
      try {
        return work.ended.await(5, TimeUnit.SECONDS) && work.leastRuns() == 1
            ? work.ends.get()
            : -1;
      } catch (InterruptedException interrupted) {
        throw new IllegalStateException(interrupted);
      }
    }
  }
}
