package io.tensorbridge.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.ErrorCode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
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
  void betweenTwoStepsOfAShareEveryOtherShareHasItsStep() throws InterruptedException {
    try (WorkerPool pool = new WorkerPool(1, "test")) {
      CountDownLatch allOpen = new CountDownLatch(1);
      pool.submit(batch(pool, new RecordingListener(), chunks(1, () -> awaitQuietly(allOpen))));
      List<Character> order = Collections.synchronizedList(new ArrayList<>());
      List<RecordingListener> listeners = new ArrayList<>();
      WorkerPool.Share greedy = pool.share(1);
      for (int i = 0; i < 64; i++) {
        listeners.add(new RecordingListener());
        pool.submit(batch(pool, listeners.getLast(), chunks(5, () -> order.add('g'))), greedy);
      }
      for (char name : new char[]{'a', 'b'}) {
        listeners.add(new RecordingListener());
        pool.submit(
            batch(pool, listeners.getLast(), chunks(40, () -> order.add(name))), pool.share(1));
      }
      allOpen.countDown();
      for (RecordingListener listener : listeners) {
        listener.await();
      }
      String steps = order.stream().map(String::valueOf).collect(Collectors.joining());
      assertThat(steps).hasSize(64 * 5 + 2 * 40);
      assertThat(steps.substring(0, 3 * 40)).isEqualTo("gab".repeat(40));
    }
  }

  @Test
  void aShareThatComesAgainAndAgainHasEverySecondStep() throws InterruptedException {
    try (WorkerPool pool = new WorkerPool(1, "test")) {
      AtomicInteger greedySteps = new AtomicInteger();
      RecordingListener greedyEnds = new RecordingListener();
      OpBatch greedy = batch(pool, greedyEnds, chunks(1_000_000, greedySteps::incrementAndGet));
      pool.submit(greedy, pool.share(1));
      WorkerPool.Share small = pool.share(1);
      List<RecordingListener> ends = new ArrayList<>();
      AtomicInteger before = new AtomicInteger();
      CountDownLatch last = new CountDownLatch(1);
      AtomicInteger mostBetween = new AtomicInteger();
      // Each submits the next: it is open before this thread looks for its next step.
      new Object() {
        void submitNext(int left) {
          RecordingListener listener = new RecordingListener();
          ends.add(listener);
          pool.submit(
              batch(
                  pool,
                  listener,
                  chunks(
                      1,
                      () -> {
                        int now = greedySteps.get();
                        if (ends.size() > 1) {
                          mostBetween.accumulateAndGet(now - before.get(), Math::max);
                        }
                        before.set(now);
                        if (left > 0) {
                          submitNext(left - 1);
                        } else {
                          last.countDown();
                        }
                      })),
              small);
        }
      }.submitNext(100);
      assertThat(last.await(10, TimeUnit.SECONDS)).isTrue();
      greedy.cancel(ErrorCode.CANCELLED);
      greedyEnds.await();
      assertThat(mostBetween).hasValue(1);
    }
  }

  @Test
  void aShareHasNoMoreThreadsThanItMay() throws InterruptedException {
    try (WorkerPool pool = new WorkerPool(4, "test")) {
      WorkerPool.Share bounded = pool.share(2);
      AtomicInteger inside = new AtomicInteger();
      AtomicInteger most = new AtomicInteger();
      CountDownLatch othersRan = new CountDownLatch(2);
      List<RecordingListener> listeners = new ArrayList<>();
      // Two threads wait inside for steps that only the other two can take.
      for (int i = 0; i < 8; i++) {
        listeners.add(new RecordingListener());
        OpRun run = chunks(4, () -> {
          most.accumulateAndGet(inside.incrementAndGet(), Math::max);
          awaitQuietly(othersRan);
          inside.decrementAndGet();
        });
        pool.submit(batch(pool, listeners.getLast(), run), bounded);
      }
      for (int i = 0; i < 2; i++) {
        listeners.add(new RecordingListener());
        pool.submit(
            batch(pool, listeners.getLast(), chunks(1, othersRan::countDown)), pool.share(1));
      }
      for (RecordingListener listener : listeners) {
        listener.await();
        assertThat(listener.wrong).isEmpty();
      }
      assertThat(most.get()).isBetween(1, 2);
    }
  }

  @Test
  void boundedSharesLoseNoWakeUp() throws InterruptedException {
    try (WorkerPool pool = new WorkerPool(3, "test")) {
      for (int round = 0; round < 300; round++) {
        List<RecordingListener> listeners = new ArrayList<>();
        AtomicInteger chunksRun = new AtomicInteger();
        for (int share = 0; share < 3; share++) {
          WorkerPool.Share bounded = pool.share(1);
          for (int i = 0; i < 3; i++) {
            listeners.add(new RecordingListener());
            OpRun run = chunks(3, chunksRun::incrementAndGet);
            pool.submit(batch(pool, listeners.getLast(), run), bounded);
          }
        }
        for (RecordingListener listener : listeners) {
          listener.await();
        }
        assertThat(chunksRun).hasValue(27);
      }
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
