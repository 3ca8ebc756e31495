package io.tensorbridge.op;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OpBatchTest {
  private static final int THREADS = 4;

  private final WorkerPool pool = new WorkerPool(THREADS, "test");
  private final RecordingListener listener = new RecordingListener();

  @AfterEach
  void nothingWasReportedWrongly() {
    pool.close();
    assertThat(listener.wrong).isEmpty();
  }

  /** Sums numbers in phases: the second phase needs what all chunks of the first wrote. */
  private static final class Sums implements OpRun {
    final long[] partial;
    final long[] result;
    final int salt;

    Sums(int chunks, int salt) {
      this.partial = new long[chunks];
      this.result = new long[chunks];
      this.salt = salt;
    }

    @Override
    public int phaseCount() {
      return 3;
    }

    @Override
    public int chunkCount(int phase) {
      return phase == 1 ? 0 : partial.length;
    }

    @Override
    public void runChunk(int phase, int chunk) {
      if (phase == 0) {
        partial[chunk] = (long) salt * chunk + 1;
      } else {
        result[chunk] = Arrays.stream(partial).sum() + chunk;
      }
    }
  }

  private static OpRun chunks(int count, Runnable each) {
    return new OpRun() {
      @Override
      public int chunkCount(int phase) {
        return count;
      }

      @Override
      public void runChunk(int phase, int chunk) {
        each.run();
      }
    };
  }

  private static OpBatch.Item item(long workBytes, Supplier<OpRun> begin) {
    return new OpBatch.Item(workBytes, begin);
  }

  private OpBatch batch(boolean continueOnError, int threads, List<OpBatch.Item> items) {
    return new OpBatch(items, continueOnError, threads, listener, pool::wake);
  }

  private void runInPool(OpBatch batch) throws InterruptedException {
    pool.submit(batch);
    listener.await();
  }

  private static long[][] expectedSums(int items) {
    return IntStream.range(0, items).mapToObj(i -> {
      Sums run = new Sums(1 + i % 7, i);
      for (int phase = 0; phase < 3; phase += 2) {
        for (int chunk = 0; chunk < run.partial.length; chunk++) {
          run.runChunk(phase, chunk);
        }
      }
      return run.result;
    }).toArray(long[][]::new);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, THREADS})
  void resultsDoNotDependOnTheNumberOfThreads(int threads) throws InterruptedException {
    int count = 200;
    Sums[] runs = new Sums[count];
    List<OpBatch.Item> items = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int index = i;
      items.add(item(10, () -> runs[index] = new Sums(1 + index % 7, index)));
    }
    runInPool(batch(false, threads, items));
    long[][] expected = expectedSums(count);
    for (int i = 0; i < count; i++) {
      assertThat(runs[i].result).as("item " + i).isEqualTo(expected[i]);
    }
    assertThat(listener.outcomes).hasSize(count).containsValue(Outcome.DONE);
    assertThat(listener.progress.getLast()).isEqualTo(10L * count);
  }

  @Test
  void aBatchRunsInTheCallingThreadAlone() {
    Thread caller = Thread.currentThread();
    List<Thread> threads = new ArrayList<>();
    OpBatch batch =
        batch(false, 1,
            List.of(item(5, () -> chunks(3, () -> threads.add(Thread.currentThread())))));
    batch.runAll();
    assertThat(batch.isEnded()).isTrue();
    assertThat(threads).hasSize(3).containsOnly(caller);
    assertThat(listener.hasEnded()).isTrue();
  }

  @Test
  void anEmptyBatchEnds() throws InterruptedException {
    runInPool(batch(false, 1, List.of()));
    assertThat(listener.outcomes).isEmpty();
  }

  @Test
  void aFailureStopsWhatHasNotBegun() {
    AtomicInteger begun = new AtomicInteger();
    List<OpBatch.Item> items = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      int index = i;
      items.add(item(7, () -> {
        begun.incrementAndGet();
        return chunks(2, () -> {
          if (index == 2) {
            throw new TensorException(ErrorCode.NON_FINITE, "element 3 is NaN");
          }
        });
      }));
    }
    batch(false, 1, items).runAll();
    assertThat(begun).hasValue(3);
    assertThat(listener.outcomes).containsOnlyKeys(0, 1);
    assertThat(listener.failures.get(2).code()).isEqualTo(ErrorCode.NON_FINITE);
    assertThat(listener.failures.get(3).code()).isEqualTo(ErrorCode.SKIPPED);
    assertThat(listener.failures.get(4).code()).isEqualTo(ErrorCode.SKIPPED);
  }

  @Test
  void withContinueOnErrorAFailureStaysAlone() throws InterruptedException {
    List<OpBatch.Item> items = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      int index = i;
      items.add(item(7, () -> {
        if (index % 3 == 0) {
          throw new IllegalStateException("begin " + index);
        }
        return chunks(3, () -> {
          if (index % 3 == 1) {
            throw new StackOverflowError("chunk");
          }
        });
      }));
    }
    runInPool(batch(true, THREADS, items));
    assertThat(listener.outcomes.keySet()).allMatch(i -> i % 3 == 2).hasSize(16);
    assertThat(listener.failures).hasSize(34);
    assertThat(listener.failures.get(0)).hasMessageContaining("begin 0");
    assertThat(listener.failures.get(1).code()).isEqualTo(ErrorCode.TENSOR_FAILED);
    assertThat(listener.progress.getLast()).isEqualTo(350);
  }

  @Test
  void aFailingFinishFailsTheItem() {
    OpRun run = new OpRun() {
      @Override
      public int chunkCount(int phase) {
        return 1;
      }

      @Override
      public void runChunk(int phase, int chunk) {}

      @Override
      public Outcome finish() {
        throw new UnsupportedOperationException("no");
      }
    };
    batch(true, 1, List.of(item(1, () -> run), item(1, () -> chunks(0, () -> {})))).runAll();
    assertThat(listener.failures).containsOnlyKeys(0);
    assertThat(listener.outcomes).containsOnlyKeys(1);
  }

  @Test
  void cancellingEndsEverythingAfterTheChunksInWork() throws InterruptedException {
    CountDownLatch inWork = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    AtomicInteger chunksRun = new AtomicInteger();
    OpRun slow = chunks(1000, () -> {
      chunksRun.incrementAndGet();
      inWork.countDown();
      awaitUninterrupted(goOn);
    });
    OpBatch batch =
        batch(true, 1, List.of(item(1, () -> slow), item(1, () -> chunks(1, () -> {}))));
    pool.submit(batch);
    inWork.await();
    batch.cancel(ErrorCode.TIMEOUT);
    batch.cancel(ErrorCode.CANCELLED);
    assertThat(listener.hasEnded()).isFalse();
    goOn.countDown();
    listener.await();
    assertThat(chunksRun).hasValue(1);
    assertThat(listener.failures.get(0).code()).isEqualTo(ErrorCode.TIMEOUT);
    assertThat(listener.failures.get(1).code()).isEqualTo(ErrorCode.TIMEOUT);
  }

  @Test
  void cancellingABatchThatNobodyWorksOnEndsItAtOnce() {
    OpBatch batch = batch(false, 1, List.of(item(1, () -> chunks(1, () -> {}))));
    batch.cancel(ErrorCode.CANCELLED);
    assertThat(listener.hasEnded()).isTrue();
    assertThat(batch.isEnded()).isTrue();
    assertThat(batch.step()).isFalse();
    assertThat(listener.failures.get(0).code()).isEqualTo(ErrorCode.CANCELLED);
  }

  @Test
  void noMoreThreadsThanAllowedWorkAtOnce() throws InterruptedException {
    AtomicInteger now = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    OpRun run = chunks(500, () -> {
      most.accumulateAndGet(now.incrementAndGet(), Math::max);
      Thread.onSpinWait();
      now.decrementAndGet();
    });
    runInPool(batch(false, 2, List.of(item(1, () -> run))));
    assertThat(most.get()).isBetween(1, 2);
  }

  @Test
  void isEndedOnlyAfterTheListenerHasHeard() throws InterruptedException {
    for (int round = 0; round < 200; round++) {
      RecordingListener own = new RecordingListener();
      OpBatch batch =
          new OpBatch(
              List.of(item(1, () -> chunks(3, () -> {}))), false, THREADS, own, pool::wake);
      pool.submit(batch);
      pool.help(batch);
      assertThat(own.hasEnded()).isTrue();
      assertThat(own.wrong).isEmpty();
    }
  }

  private static void awaitUninterrupted(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException interrupted) {
      throw new IllegalStateException(interrupted);
    }
  }
}
