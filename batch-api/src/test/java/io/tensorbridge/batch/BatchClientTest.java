package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.Access;
import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.BridgeException;
import io.tensorbridge.BridgeTimeoutException;
import io.tensorbridge.CancelledException;
import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.ServerDiedException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.batch.wire.PlanRecord;
import io.tensorbridge.op.Options;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** What a user of {@link BatchClient} relies on, against a server in the same process. */
class BatchClientTest extends ServerAndClient {
  private Tensor shared(long... dimensions) {
    return counting(client().allocate(DType.F32, Shape.of(dimensions)));
  }

  private static Tensor heap(long... dimensions) {
    Shape shape = Shape.of(dimensions);
    float[] elements = new float[Math.toIntExact(shape.elementCount())];
    return counting(Tensor.of(MemorySegment.ofArray(elements), DType.F32, shape));
  }

  private static void requireFirstAndLast(BatchResult result, String name, float... values) {
    assertThat(result.value(name).get(ValueLayout.JAVA_FLOAT, 0)).isEqualTo(values[0]);
    assertThat(result.value(name).get(ValueLayout.JAVA_FLOAT, 4)).isEqualTo(values[1]);
  }

  @Test
  void aTensorInSharedMemoryIsReadInPlace() {
    Tensor weight = shared(3, 5);
    try (BatchResult result = client().submit(Batch.of("noop").add("w", weight)).get()) {
      requireFirstAndLast(result, "w", 0, 14);
      assertThat(result.outputs("w")).isEmpty();
    }
  }

  @Test
  void viewsOfSharedTensorsAreDescribedNotCopied() {
    Tensor weight = shared(4, 6);
    long used = client().usedBytes();
    Tensor view = weight.permute(1, 0).narrow(0, 1, 4);
    BatchFuture future = client().submit(Batch.of("copy").add("w", view));
    try (BatchResult result = future.get()) {
      Tensor copy = result.output("w");
      assertThat(copy.shape()).isEqualTo(Shape.of(3, 4));
      assertThat(floats(copy)).containsExactly(1, 7, 13, 19, 2, 8, 14, 20, 3, 9, 15, 21);
      // A status area and the output; no copy of the input.
      assertThat(client().usedBytes() - used).isLessThan(2048);
    }
    assertThat(client().usedBytes()).isEqualTo(used);
  }

  @Test
  void ordinaryTensorsAreCopiedOnce() {
    Tensor weight = heap(2, 3).permute(1, 0);
    try (BatchResult result = client().submit(Batch.of("copy").add("w", weight)).get()) {
      assertThat(floats(result.output("w"))).containsExactly(0, 3, 1, 4, 2, 5);
    }
    assertThat(client().usedBytes()).isZero();
  }

  @Test
  void sharingCopiesOnce() {
    Tensor copy = client().share(heap(10));
    assertThat(floats(copy)).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    client().release(copy);
    assertThat(client().usedBytes()).isZero();
  }

  @Test
  void scalarsAndEmptyTensorsTravelToo() {
    Batch batch = Batch.of("copy").add("scalar", heap()).add("empty", heap(3, 0));
    try (BatchResult result = client().submit(batch).get()) {
      assertThat(floats(result.output("scalar"))).containsExactly(0);
      assertThat(result.output("empty").shape()).isEqualTo(Shape.of(3, 0));
    }
  }

  @Test
  void resultsKeepTheOrderOfTheBatch() {
    Batch batch = Batch.of("copy");
    for (int i = 99; i >= 0; i--) {
      batch.add("w" + i, heap(i + 1));
    }
    try (BatchResult result = client().submit(batch).get()) {
      assertThat(result.names()).hasSize(100).startsWith("w99", "w98").endsWith("w0");
      assertThat(result.output("w42").getDouble(42)).isEqualTo(42);
    }
  }

  @Test
  void anEmptyBatchGivesAnEmptyResult() {
    try (BatchResult result = client().submit(Batch.of("noop")).get()) {
      assertThat(result.names()).isEmpty();
      assertThat(result.errors()).isEmpty();
    }
  }

  @Test
  void largeTensorsGetRegionsOfTheirOwnWhichAreUsedAgain() {
    Tensor weight = shared(5 << 20);
    long pool = 0;
    for (int i = 0; i < 3; i++) {
      try (BatchResult result = client().submit(Batch.of("copy").add("w", weight)).get()) {
        assertThat(result.output("w").data().mismatch(weight.data())).isEqualTo(-1);
      }
      assertThat(pool == 0 || pool == client().poolBytes()).isTrue();
      pool = client().poolBytes();
    }
    client().release(weight);
    assertThat(client().trim()).isPositive();
    assertThat(client().poolBytes()).isZero();
  }

  @Test
  void outputsWhoseSizeDependsOnTheDataComeWithoutFurtherAdo() {
    Tensor sparse = client().allocate(DType.I32, Shape.of(1000));
    sparse.data().fill((byte) 0);
    sparse.data().setAtIndex(ValueLayout.JAVA_INT, 17, 1);
    sparse.data().setAtIndex(ValueLayout.JAVA_INT, 999, 1);
    Batch batch = Batch.of("nonzero").add("sparse", sparse).add("dense", heap(70_000));
    try (BatchResult result = client().submit(batch).get()) {
      assertThat(result.output("sparse").data().toArray(ValueLayout.JAVA_LONG_UNALIGNED))
          .containsExactly(17, 999);
      Tensor dense = result.output("dense");
      assertThat(dense.shape()).isEqualTo(Shape.of(69_999));
      assertThat(dense.getDouble(69_998)).isEqualTo(69_999);
      assertThat(result.outputs("dense")).containsOnlyKeys("indices");
    }
    client().release(sparse);
    assertThat(client().usedBytes()).isZero();
  }

  @Test
  void aPreparedBatchReadsItsInputsAnew() {
    Tensor weight = shared(8);
    try (PreparedBatch prepared = client().prepare(Batch.of("copy").add("w", weight))) {
      for (int i = 0; i < 5; i++) {
        weight.data().setAtIndex(ValueLayout.JAVA_FLOAT, 3, -i);
        try (BatchResult result = prepared.run()) {
          assertThat(result.output("w").getDouble(3)).isEqualTo(-i);
        }
      }
    }
    client().release(weight);
    assertThat(client().usedBytes()).isZero();
    while (server().usage().batches() > 0) {
      // Nobody waits for the answer to a FORGET; the server takes it before this.
      client().operations();
    }
  }

  @Test
  void heldResultsOfOnePreparedBatchNeverShareMemory() {
    Tensor weight = shared(100);
    try (PreparedBatch prepared = client().prepare(Batch.of("copy").add("w", weight));
        BatchResult first = prepared.run()) {
      weight.data().setAtIndex(ValueLayout.JAVA_FLOAT, 0, 7);
      try (BatchResult second = prepared.run()) {
        assertThat(first.output("w").getDouble(0)).isZero();
        assertThat(second.output("w").getDouble(0)).isEqualTo(7);
      }
    }
  }

  @Test
  void aPreparedBatchThatNeedsSpaceRunsToo() {
    Tensor weight = shared(50);
    try (PreparedBatch prepared = client().prepare(Batch.of("nonzero").add("w", weight));
        BatchResult first = prepared.run();
        BatchResult second = prepared.run()) {
      assertThat(first.output("w").shape()).isEqualTo(Shape.of(49));
      assertThat(second.output("w").data().mismatch(first.output("w").data())).isEqualTo(-1);
    }
  }

  @Test
  void aClosedPreparedBatchRefusesToRun() {
    PreparedBatch prepared = client().prepare(Batch.of("noop").add("w", heap(1)));
    prepared.close();
    assertThatThrownBy(prepared::run).isInstanceOf(BridgeClosedException.class);
  }

  @Test
  void plansTellTheOutputs() {
    TensorType type = new TensorType(DType.F64, Shape.of(1 << 20, 1 << 10));
    PlanRecord plan = client().plan("copy", Options.NONE, type);
    assertThat(plan.outputs()).hasSize(1);
    assertThat(plan.outputs().getFirst().type()).isEqualTo(type);
    assertThat(client().plan("copy", Options.NONE, type)).isSameAs(plan);
    assertThat(client().usedBytes()).isZero();
  }

  @Test
  void aPlanThatFailsSaysWhy() {
    assertThatThrownBy(() -> client().plan("copy", Options.NONE))
        .isInstanceOfSatisfying(
            TensorException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.BAD_SHAPE));
  }

  @Test
  void operationsAreListedWithTheirSummaries() {
    assertThat(client().operations()).containsKeys("noop", "copy", "nonzero", "delay");
    assertThat(client().operations().values()).noneMatch(String::isEmpty);
  }

  @Test
  void anUnknownOperationIsNamed() {
    assertThatThrownBy(() -> client().submit(Batch.of("nope").add("w", heap(1))).get())
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("nope")
        .hasMessageContaining("noop");
    assertThat(client().usedBytes()).isZero();
  }

  @Test
  void aFailingTensorIsNamed() {
    Batch batch = Batch.of("noop").add("good", heap(4)).add("bad", List.of(heap(1), heap(1)));
    assertThatThrownBy(() -> client().submit(batch).get())
        .isInstanceOfSatisfying(
            TensorException.class, e -> assertThat(e.tensorName()).isEqualTo("bad"))
        .hasMessageContaining("bad");
    assertThat(client().usedBytes()).isZero();
  }

  @Test
  void withContinueOnErrorTheOtherTensorsAreThere() {
    Batch batch =
        Batch.of("copy")
            .continueOnError()
            .add("first", heap(4))
            .add("bad", List.of(heap(1), heap(1)))
            .add("worse", heap(2), Options.of(Map.of("depth", "3")))
            .add("last", heap(8));
    try (BatchResult result = client().submit(batch).get()) {
      assertThat(result.names()).containsExactly("first", "bad", "worse", "last");
      assertThat(result.errors()).containsOnlyKeys("bad", "worse");
      assertThat(result.contains("bad")).isFalse();
      assertThat(result.contains("last")).isTrue();
      assertThat(result.errors().get("worse"))
          .isInstanceOf(OptionException.class)
          .hasMessageContaining("worse")
          .hasMessageContaining("depth");
      assertThatThrownBy(() -> result.output("bad")).isInstanceOf(TensorException.class);
      assertThat(floats(result.output("last"))).hasSize(8);
    }
  }

  @Test
  void aNameThatIsNotInTheResultIsAMistakeOfTheCaller() {
    try (BatchResult result = client().submit(Batch.of("noop").add("w", heap(1))).get()) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> result.output("v"))
          .withMessageContaining("w");
    }
  }

  @Test
  void aClosedResultRefusesToBeRead() {
    BatchResult result = client().submit(Batch.of("copy").add("w", heap(1))).get();
    result.close();
    assertThatThrownBy(() -> result.output("w")).isInstanceOf(BridgeClosedException.class);
  }

  private BatchFuture delay(int millis) {
    return client().submit(delayBatch(millis));
  }

  private static Batch delayBatch(int millis) {
    return Batch.of("delay").option("millis", Integer.toString(millis)).add("w", heap(4));
  }

  @Test
  void aCancelledBatchEndsAtOnceAndTheClientGoesOn() {
    BatchFuture future = delay(60_000);
    assertThat(future.cancel()).isTrue();
    assertThat(future.isDone()).isTrue();
    assertThatThrownBy(future::get).isInstanceOf(CancelledException.class);
    assertThat(future.cancel()).isFalse();
    client().submit(Batch.of("noop").add("w", heap(1))).get().close();
    awaitNothingUsed();
  }

  @Test
  void whoWaitsForACancelledBatchHearsOfIt() throws Exception {
    BatchFuture future = delay(60_000);
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      List<Future<BatchResult>> waiting =
          List.of(threads.submit(() -> future.get()), threads.submit(() -> future.get()));
      while (future.progress() == 0) {
        Thread.onSpinWait();
      }
      future.cancel();
      for (Future<BatchResult> each : waiting) {
        assertThatThrownBy(each::get).hasCauseInstanceOf(CancelledException.class);
      }
    }
  }

  @Test
  void impatienceCancelsTheBatchAndKeepsItsMemoryUntilTheServerLetsGo() {
    BatchFuture future = delay(60_000);
    assertThatThrownBy(() -> future.get(Duration.ofMillis(30)))
        .isInstanceOf(BridgeTimeoutException.class);
    client().submit(Batch.of("noop").add("w", heap(1))).get().close();
    awaitNothingUsed();
  }

  @Test
  void aBatchWithATimeoutEndsInIt() {
    BatchFuture future = client().submit(delayBatch(60_000).timeout(Duration.ofMillis(30)));
    assertThatThrownBy(future::get).isInstanceOf(BridgeTimeoutException.class);
    awaitNothingUsed();
  }

  @Test
  void anInterruptedWaitCancelsTheBatch() {
    BatchFuture future = delay(60_000);
    Thread.currentThread().interrupt();
    assertThatThrownBy(future::get).isInstanceOf(CancelledException.class);
    assertThat(Thread.interrupted()).isTrue();
    awaitNothingUsed();
  }

  private void awaitNothingUsed() {
    while (client().usedBytes() > 0) {
      // Each answered question shows the client what has ended meanwhile.
      client().operations();
    }
  }

  @Test
  void progressRisesToOne() {
    List<Double> seen = new ArrayList<>();
    delay(200).get(seen::add).close();
    assertThat(seen).isSorted().doesNotHaveDuplicates().endsWith(1.0);
    assertThat(seen.size()).isGreaterThan(2);
  }

  @Test
  void aThrowingProgressListenerDoesNotStopTheBatch() {
    BatchFuture future = delay(100);
    future.get(
        (double progress) -> {
          throw new IllegalStateException("a listener that fails, as this test wants");
        }).close();
    assertThat(future.progress()).isEqualTo(1);
  }

  @Test
  void asynchronousCodeMayUseTheClientInItsStages() throws Exception {
    Tensor weight = shared(4);
    float last =
        client()
            .submit(Batch.of("copy").add("w", weight))
            .toCompletableFuture()
            .thenApply(
                result -> {
                  try (result;
                      BatchResult next =
                          client().submit(Batch.of("noop").add("w", result.output("w"))).get()) {
                    return next.value("w").get(ValueLayout.JAVA_FLOAT, 4);
                  }
                })
            .get();
    assertThat(last).isEqualTo(3);
  }

  @Test
  void manyThreadsShareAClient() throws Exception {
    Callable<Long> work =
        () -> {
          long sum = 0;
          for (int i = 1; i <= 200; i++) {
            Batch batch = Batch.of(i % 3 == 0 ? "nonzero" : "copy").add("w", heap(i));
            try (BatchResult result = client().submit(batch).get()) {
              sum += result.output("w").shape().elementCount();
            }
          }
          return sum;
        };
    long expected = 200 * 201 / 2 - 66;
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      for (Future<Long> each : threads.invokeAll(Collections.nCopies(8, work))) {
        assertThat(each.get()).isEqualTo(expected);
      }
    }
    assertThat(client().usedBytes()).isZero();
  }

  @Test
  void manyBatchesAreInFlightAtOnce() {
    List<BatchFuture> futures = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      futures.add(client().submit(Batch.of("noop").add("w", heap(i + 1))));
    }
    for (int i = 0; i < 1000; i++) {
      try (BatchResult result = futures.get(i).get()) {
        requireFirstAndLast(result, "w", 0, i);
      }
    }
  }

  @Test
  void aReleasedTensorIsKeptForTheBatchesThatReadIt() {
    Tensor weight = shared(100_000);
    BatchFuture future = client().submit(Batch.of("copy").add("w", weight));
    client().release(weight);
    shared(100_000).data().fill((byte) -1);
    try (BatchResult result = future.get()) {
      assertThat(result.output("w").getDouble(99_999)).isEqualTo(99_999);
    }
  }

  @Test
  void onlyOwnTensorsAreReleasedAndOnlyOnce() {
    Tensor weight = shared(4);
    client().release(weight);
    assertThatIllegalArgumentException().isThrownBy(() -> client().release(weight));
    assertThatIllegalArgumentException().isThrownBy(() -> client().release(heap(1)));
  }

  @Test
  void readwriteTensorsServeAsInputsToo() {
    Tensor weight = counting(client().allocate(DType.F32, Shape.of(9), Access.READWRITE));
    try (BatchResult result = client().submit(Batch.of("noop").add("w", weight)).get()) {
      requireFirstAndLast(result, "w", 0, 8);
    }
  }

  @Test
  void aResultOutlivesClientAndServer() {
    BatchResult result = client().submit(Batch.of("copy").add("w", heap(5))).get();
    client().close();
    server().close();
    assertThat(floats(result.output("w"))).containsExactly(0, 1, 2, 3, 4);
    result.close();
  }

  @Test
  void aServerThatEndsFailsAllThatWait() throws Exception {
    BatchFuture future = delay(60_000);
    try (ExecutorService threads = Executors.newFixedThreadPool(1)) {
      Future<BatchResult> waiting = threads.submit(() -> future.get());
      while (future.progress() == 0) {
        Thread.onSpinWait();
      }
      server().close();
      assertThatThrownBy(waiting::get).hasCauseInstanceOf(BridgeException.class);
    }
    assertThatThrownBy(() -> client().submit(Batch.of("noop").add("w", heap(1))).get())
        .isInstanceOf(ServerDiedException.class);
    assertThatThrownBy(() -> client().operations()).isInstanceOf(ServerDiedException.class);
  }

  @Test
  void aClosedClientFailsAllThatWaitAndRefusesMore() throws Exception {
    BatchFuture future = delay(60_000);
    try (ExecutorService threads = Executors.newFixedThreadPool(1)) {
      Future<BatchResult> waiting = threads.submit(() -> future.get());
      while (future.progress() == 0) {
        Thread.onSpinWait();
      }
      client().close();
      assertThatThrownBy(waiting::get).hasCauseInstanceOf(BridgeClosedException.class);
    }
    assertThatThrownBy(() -> client().allocate(DType.F32, Shape.of(1)))
        .isInstanceOf(BridgeClosedException.class);
    assertThatThrownBy(() -> client().submit(Batch.of("noop").add("w", heap(1))))
        .isInstanceOf(BridgeClosedException.class);
  }

  @Test
  void severalClientsDoNotDisturbEachOther() {
    try (BatchClient other = BatchClient.connect("unix:" + socket())) {
      BatchFuture slow = delay(100);
      Tensor foreign = counting(other.allocate(DType.F32, Shape.of(6)));
      // Memory of another client is ordinary memory here: it is copied.
      try (BatchResult result = client().submit(Batch.of("noop").add("w", foreign)).get()) {
        requireFirstAndLast(result, "w", 0, 5);
      }
      slow.get().close();
    }
  }

  @Test
  void twoItemsOfOneNameAreAMistakeOfTheCaller() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Batch.of("noop").add("w", heap(1)).add("w", heap(2)))
        .withMessageContaining("w");
  }
}
