package io.tensorbridge.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.ErrorCode;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class WorkerPoolTest {
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

  private static OpBatch batch(WorkerPool pool, RecordingListener listener, OpRun run) {
    return new OpBatch(
        List.of(new OpBatch.Item(1, () -> run)), false, pool.threadCount(), listener, pool::wake);
  }

  @Test
  void aLongWorkDoesNotKeepAShortOneWaiting() throws InterruptedException {
    try (WorkerPool pool = new WorkerPool(1, "test")) {
      RecordingListener shortEnds = new RecordingListener();
      RecordingListener longEnds = new RecordingListener();
      CountDownLatch bothOpen = new CountDownLatch(1);
      AtomicInteger longChunks = new AtomicInteger();
      AtomicInteger longChunksBefore = new AtomicInteger(-1);
      OpRun endless = chunks(1_000_000, () -> {
        longChunks.incrementAndGet();
        awaitQuietly(bothOpen);
      });
      OpRun few = chunks(3, () -> longChunksBefore.set(longChunks.get()));
      OpBatch longBatch = batch(pool, longEnds, endless);
      pool.submit(longBatch);
      pool.submit(batch(pool, shortEnds, few));
      bothOpen.countDown();
      shortEnds.await();
      assertThat(longChunksBefore.get()).isBetween(0, 10);
      longBatch.cancel(ErrorCode.CANCELLED);
      longEnds.await();
    }
  }

  @Test
  void manyBatchesOfManyThreadsAllEnd() throws InterruptedException {
    try (WorkerPool pool = new WorkerPool(3, "test")) {
      AtomicInteger chunksRun = new AtomicInteger();
      List<RecordingListener> listeners = new ArrayList<>();
      List<Thread> submitters = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        List<RecordingListener> own = new ArrayList<>();
        for (int k = 0; k < 200; k++) {
          own.add(new RecordingListener());
        }
        listeners.addAll(own);
        submitters.add(
            Thread.startVirtualThread(
                () -> own.forEach(
                    listener -> pool.submit(
                        batch(
                            pool, listener, chunks(5, chunksRun::incrementAndGet))))));
      }
      for (Thread submitter : submitters) {
        submitter.join();
      }
      for (RecordingListener listener : listeners) {
        listener.await();
        assertThat(listener.wrong).isEmpty();
      }
      assertThat(chunksRun).hasValue(8 * 200 * 5);
    }
  }

  @Test
  void aWorkThatThrowsDoesNotTakeTheThread() throws InterruptedException {
    try (WorkerPool pool = new WorkerPool(1, "test")) {
      CountDownLatch threw = new CountDownLatch(1);
      pool.submit(
          new WorkerPool.Work() {
            @Override
            public boolean step() {
              threw.countDown();
              throw new IllegalStateException("a defect, on purpose");
            }

            @Override
            public boolean isEnded() {
              return false;
            }
          });
      assertThat(threw.await(10, TimeUnit.SECONDS)).isTrue();
      RecordingListener listener = new RecordingListener();
      pool.submit(batch(pool, listener, chunks(1, () -> {})));
      listener.await();
    }
  }

  @Test
  void aPoolIsIdleWhenEveryWorkHasEnded() throws InterruptedException {
    try (WorkerPool pool = new WorkerPool(2, "test")) {
      assertThat(pool.isIdle()).isTrue();
      CountDownLatch goOn = new CountDownLatch(1);
      RecordingListener listener = new RecordingListener();
      OpBatch batch = batch(pool, listener, chunks(1, () -> awaitQuietly(goOn)));
      pool.submit(batch);
      assertThat(pool.isIdle()).isFalse();
      goOn.countDown();
      pool.help(batch);
      assertThat(pool.isIdle()).isTrue();
    }
  }

  @Test
  void aClosedPoolTakesNothing() {
    WorkerPool pool = new WorkerPool(1, "test");
    pool.close();
    RecordingListener listener = new RecordingListener();
    assertThatThrownBy(() -> pool.submit(batch(pool, listener, chunks(1, () -> {}))))
        .isInstanceOf(BridgeClosedException.class);
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException interrupted) {
      throw new IllegalStateException(interrupted);
    }
  }
}
