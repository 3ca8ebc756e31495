package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.QuotaException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.shm.LocalSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;

/** A client keeps within its own bound and the server's quotas, and goes on after a refusal. */
class BatchClientQuotaTest extends ServerAndClient {
  private static final long MIB = 1 << 20;

  @Override
  ServerOptions.Builder options() {
    return super.options().maxRegions(8).maxBatches(8).maxItems(1000).maxBytesPerClient(64 * MIB);
  }

  @Override
  ClientOptions clientOptions() {
    return ClientOptions.defaults().withPoolBytes(32 * MIB).withSlabBytes(4 * MIB)
        .withRingEntries(16);
  }

  private Tensor allocate(long bytes) {
    return client().allocate(DType.U8, Shape.of(bytes));
  }

  private static void requireCode(Runnable call, ErrorCode code) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            QuotaException.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  @Test
  void thePoolHasABound() {
    Tensor first = allocate(20 * MIB);
    requireCode(() -> allocate(20 * MIB), ErrorCode.QUOTA_BYTES);
    client().release(first);
    client().release(allocate(30 * MIB));
    assertThat(client().poolBytes()).isLessThanOrEqualTo(32 * MIB);
  }

  @Test
  void idleRegionsMakeRoomForOthers() {
    for (int i = 1; i <= 30; i++) {
      client().release(allocate(i * MIB + 1));
    }
    assertThat(client().poolBytes()).isLessThanOrEqualTo(32 * MIB);
  }

  @Test
  void theServersQuotaOfRegionsIsToldAndSurvived() {
    List<Tensor> held = new ArrayList<>();
    requireCode(
        () -> {
          while (true) {
            held.add(allocate(2 * MIB));
          }
        },
        ErrorCode.QUOTA_REGIONS);
    assertThat(held).hasSize(8);
    held.forEach(client()::release);
    client().release(allocate(20 * MIB));
  }

  @Test
  void aBatchOfTooManyTensorsIsRefusedBeforeItIsSent() {
    Tensor tensor = allocate(1);
    Batch batch = Batch.of("noop");
    for (int i = 0; i < 1001; i++) {
      batch.add("w" + i, tensor);
    }
    requireCode(() -> client().submit(batch), ErrorCode.QUOTA_ITEMS);
    client().release(tensor);
  }

  @Test
  void submittingMoreThanTheRingHoldsWaitsForItsTurn() {
    Tensor tensor = allocate(100);
    List<BatchFuture> futures = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      futures.add(client().submit(Batch.of("delay").option("millis", "2").add("w", tensor)));
    }
    futures.forEach(future -> future.get().close());
    client().release(tensor);
    assertThat(client().usedBytes()).isZero();
  }

  @Test
  void withoutPatienceASubmissionTooManyIsRefusedAtOnceAndTheClientGoesOn() {
    try (BatchClient hasty =
        BatchClient.over(
            LocalSocket.connect(socket()), clientOptions().withPatience(Duration.ZERO))) {
      Tensor tensor = hasty.allocate(DType.U8, Shape.of(100));
      Batch delay = Batch.of("delay").option("millis", "60000").add("w", tensor);
      List<BatchFuture> futures = new ArrayList<>();
      assertThatThrownBy(
          () -> {
            while (true) {
              futures.add(hasty.submit(delay));
            }
          })
          .isInstanceOfSatisfying(
              QuotaException.class,
              e -> assertThat(e.code()).isEqualTo(ErrorCode.QUOTA_BATCHES))
          .hasMessageContaining("8 batches")
          .hasMessageContaining("rings of 16 entries")
          .hasMessageContaining("limit of 8");
      assertThat(futures).hasSize(8);
      futures.forEach(BatchFuture::cancel);
      ServerFixture.await(
          () -> {
            try {
              hasty.submit(Batch.of("noop").add("w", tensor)).get().close();
              return true;
            } catch (QuotaException stillFull) {
              return false;
            }
          });
      hasty.release(tensor);
    }
  }

  @Test
  void thousandsOfBatchesOfSeveralThreadsAreAllAnswered() throws InterruptedException {
    Tensor tensor = allocate(100);
    ConcurrentLinkedQueue<BatchFuture> futures = new ConcurrentLinkedQueue<>();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int k = 0; k < 1000; k++) {
                      futures.add(client().submit(Batch.of("noop").add("w", tensor)));
                    }
                  }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(futures).hasSize(4000);
    futures.forEach(future -> future.get().close());
    client().release(tensor);
    assertThat(client().usedBytes()).isZero();
  }

  @Test
  void tooManyPreparedBatchesAreRefused() {
    Tensor tensor = allocate(100);
    List<PreparedBatch> prepared = new ArrayList<>();
    requireCode(
        () -> {
          while (true) {
            prepared.add(client().prepare(Batch.of("noop").add("w", tensor)));
          }
        },
        ErrorCode.QUOTA_BATCHES);
    assertThat(prepared).hasSize(8);
    prepared.getLast().run().close();
    prepared.forEach(PreparedBatch::close);
    client().prepare(Batch.of("noop").add("w", tensor)).close();
  }
}
