package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.batch.WireClient.Completion;
import io.tensorbridge.batch.WireClient.Item;
import io.tensorbridge.batch.WireClient.Place;
import io.tensorbridge.batch.wire.BatchBlock;
import io.tensorbridge.batch.wire.MessageType;
import io.tensorbridge.batch.wire.OperationList;
import io.tensorbridge.batch.wire.StatusLayout;
import io.tensorbridge.batch.wire.SubmissionKind;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class BatchServerTest extends ServerFixture {
  private static final long MILLI = 1_000_000;

  @BeforeEach
  void fillInput() {
    for (int i = 0; i < 1000; i++) {
      client.inputs().setAtIndex(ValueLayout.JAVA_FLOAT, i, i);
    }
  }

  private long noopBlock(int items) {
    List<Item> list = new ArrayList<>();
    for (int i = 0; i < items; i++) {
      list.add(Item.of(Place.input(floats(4L * i, 2, 3))));
    }
    return client.block("noop", 0, 0, "", list);
  }

  @Test
  void noopReadsFirstAndLastElement() {
    client.submit(SubmissionKind.RUN, 1, 0, 0, noopBlock(100));
    assertThat(client.await(1)).isEqualTo(new Completion(1, ErrorCode.OK, 0, 0));
    for (int i = 0; i < 100; i++) {
      assertThat(client.itemCode(i)).isEqualTo(ErrorCode.OK);
      assertThat(client.value(i, 0)).isEqualTo(i);
      assertThat(client.value(i, 1)).isEqualTo(i + 5);
    }
    assertThat(StatusLayout.doneBytes(client.memory(), WireClient.STATUS)).isEqualTo(100);
    assertThat(StatusLayout.totalBytes(client.memory(), WireClient.STATUS)).isEqualTo(100);
    assertThat(StatusLayout.runNanos(client.memory(), WireClient.STATUS)).isPositive();
  }

  @Test
  void anEmptyBatchEndsWell() {
    client.submit(SubmissionKind.RUN, 1, 0, 0, client.block("noop", 0, 0, "", List.of()));
    assertThat(client.await(1).code()).isEqualTo(ErrorCode.OK);
  }

  @Test
  void aPreparedBatchRunsUntilItIsForgotten() {
    client.submit(SubmissionKind.PREPARE, 5, 0, 0, noopBlock(10));
    assertThat(client.await(5).code()).isEqualTo(ErrorCode.OK);
    for (int run = 10; run < 20; run++) {
      client.submit(SubmissionKind.RUN_PREPARED, run, 5, 0, 0);
      assertThat(client.await(run).code()).isEqualTo(ErrorCode.OK);
      assertThat(client.value(9, 1)).isEqualTo(14);
    }
    client.submit(SubmissionKind.FORGET, 20, 5, 0, 0);
    assertThat(client.await(20).code()).isEqualTo(ErrorCode.OK);
    client.submit(SubmissionKind.RUN_PREPARED, 21, 5, 0, 0);
    assertThat(client.await(21).code()).isEqualTo(ErrorCode.UNKNOWN_BATCH);
    assertThat(client.refusal()).contains("no prepared batch has the id 5");
    assertThat(server.usage().leases()).isZero();
  }

  @Test
  void aPreparedBatchCopiesIntoWhateverSpanItIsGiven() {
    List<Item> items = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      Place output = Place.relative(floats(64L * i, 4));
      items.add(new Item(0, 0, List.of(Place.input(floats(16L * i, 4))), List.of(output)));
    }
    client.submit(SubmissionKind.PREPARE, 5, 0, 0, client.block("copy", 0, 0, "", items));
    assertThat(client.await(5)).isEqualTo(new Completion(5, ErrorCode.OK, 0, 0));
    client.submit(SubmissionKind.RUN_PREPARED, 6, 5, 0, 0);
    assertThat(client.await(6)).isEqualTo(new Completion(6, ErrorCode.OK, 0, 0));
    assertThat(client.memory().get(ValueLayout.JAVA_FLOAT, WireClient.OUTPUT + 64 * 49 + 12))
        .isEqualTo(199f);
  }

  @Test
  void planTellsTheOutputs() {
    Item item = Item.of(Place.input(floats(0, 4, 8)));
    client.submit(SubmissionKind.PLAN, 1, 0, 0, client.block("copy", 0, 0, "", List.of(item)));
    assertThat(client.await(1).code()).isEqualTo(ErrorCode.OK);
    assertThat(client.plan(0).outputs().getFirst().type())
        .isEqualTo(new TensorType(DType.F32, Shape.of(4, 8)));
    assertThat(client.plan(0).workBytes()).isEqualTo(256);
  }

  @Test
  void nonzeroWaitsForSpaceAndGoesOn() {
    Item small = Item.of(Place.input(floats(0, 10)));
    Item large = Item.of(Place.input(floats(0, 200_000)));
    client.submit(
        SubmissionKind.RUN, 1, 0, 0, client.block("nonzero", 0, 0, "", List.of(small, large)));
    assertThat(client.await(1)).isEqualTo(new Completion(1, ErrorCode.OK, 0, 2));
    assertThat(client.itemCode(0)).isEqualTo(ErrorCode.NEEDS_SPACE);
    TensorType type = client.plan(1).outputs().getFirst().type();
    assertThat(type).isEqualTo(new TensorType(DType.I64, Shape.of(999)));

    TensorLayout indices = TensorLayout.rowMajor(type);
    Item rest = new Item(0, 1, List.of(), List.of(Place.relative(indices)));
    client.submit(
        SubmissionKind.RESUME, 2, 1, 0, client.block("nonzero", 0, 0, "", List.of(rest)));
    assertThat(client.await(2)).isEqualTo(new Completion(2, ErrorCode.OK, 0, 0));
    for (int i = 0; i < 999; i++) {
      assertThat(client.memory().get(ValueLayout.JAVA_LONG, WireClient.OUTPUT + 8L * i))
          .isEqualTo(i + 1);
    }
    client.submit(SubmissionKind.RUN, 1, 0, 0, noopBlock(1));
    assertThat(client.await(1).code()).isEqualTo(ErrorCode.DUPLICATE_BATCH);
    client.submit(SubmissionKind.FORGET, 3, 1, 0, 0);
    assertThat(client.await(3).code()).isEqualTo(ErrorCode.OK);
    assertThat(server.usage().leases()).isZero();
    assertThat(server.usage().batches()).isZero();
  }

  @Test
  void aBatchInFlightIsCancelled() {
    client.submit(
        SubmissionKind.RUN, 1, 0, 0,
        client.block("delay", 0, 0, "millis=60000\n", List.of(Item.of())));
    client.submit(SubmissionKind.CANCEL, 2, 1, 0, 0);
    assertThat(client.await(2).code()).isEqualTo(ErrorCode.OK);
    assertThat(client.await(1)).isEqualTo(new Completion(1, ErrorCode.OK, 1, 0));
    assertThat(client.itemCode(0)).isEqualTo(ErrorCode.CANCELLED);
    assertThat(client.itemText(0)).isEqualTo("cancelled");
  }

  @Test
  void aBatchEndsAtItsTimeout() {
    client.submit(
        SubmissionKind.RUN,
        1,
        0,
        20 * MILLI,
        client.block("delay", 0, 0, "millis=60000\n", List.of(Item.of(), Item.of())));
    assertThat(client.await(1)).isEqualTo(new Completion(1, ErrorCode.OK, 2, 0));
    assertThat(client.itemCode(1)).isEqualTo(ErrorCode.TIMEOUT);
  }

  @Test
  void aFailedItemSkipsTheRestOrNot() {
    List<Item> items = List.of(
        Item.of(Place.input(floats(0, 4))), Item.of(), Item.of(Place.input(floats(0, 4))));
    client.submit(SubmissionKind.RUN, 1, 0, 0, client.block("noop", 0, 0, "", items));
    assertThat(client.await(1).failedItems()).isEqualTo(2);
    assertThat(client.itemCode(0)).isEqualTo(ErrorCode.OK);
    assertThat(client.itemCode(1)).isEqualTo(ErrorCode.BAD_SHAPE);
    assertThat(client.itemText(1)).isEqualTo("noop takes one input, not 0");
    assertThat(client.itemCode(2)).isEqualTo(ErrorCode.SKIPPED);

    long block = client.block("noop", BatchBlock.CONTINUE_ON_ERROR, 0, "", items);
    client.submit(SubmissionKind.RUN, 2, 0, 0, block);
    assertThat(client.await(2).failedItems()).isEqualTo(1);
    assertThat(client.itemCode(2)).isEqualTo(ErrorCode.OK);
  }

  @Test
  void releaseIsAnsweredAfterTheLastLease() {
    client.submit(
        SubmissionKind.RUN,
        1,
        0,
        0,
        client.block(
            "delay", 0, 0, "millis=50\n", List.of(Item.of(Place.input(floats(0, 4))))));
    await(() -> server.usage().leases() > 0);
    int request = client.release(WireClient.INPUT);
    client.expect(MessageType.OK, request);
    assertThat(server.usage().leases()).isZero();
    assertThat(client.await(1).code()).isEqualTo(ErrorCode.OK);
    client.register(WireClient.INPUT, client.input);
  }

  @Test
  void operationsAreListed() {
    client.send(MessageType.OPERATIONS);
    List<String> names =
        OperationList.read(client.expect(MessageType.OPERATION_LIST, 4), 0).stream()
            .map(OperationList.Operation::name)
            .toList();
    assertThat(names).contains("noop", "copy", "nonzero", "delay");
  }

  @Test
  void aClientThatVanishesInTheMiddleLeavesNothing() {
    client.submit(
        SubmissionKind.RUN, 1, 0, 0,
        client.block("delay", 0, 0, "millis=60000\n", List.of(Item.of())));
    await(() -> server.usage().batches() == 1);
    // nothingIsLeft() closes the client
  }

  @Test
  void goodbyeEndsTheServerOfOneClient() throws InterruptedException {
    client.send(MessageType.GOODBYE);
    client.expectEnd();
    server.awaitEnd();
  }

  @Test
  void aSleepingServerIsWokenByItsDoorbell() {
    for (int i = 1; i < 20; i++) {
      client.submit(SubmissionKind.RUN, i, 0, 0, noopBlock(1));
      assertThat(client.await(i).code()).isEqualTo(ErrorCode.OK);
      await(() -> io.tensorbridge.batch.wire.ControlLayout.serverSleeping(
          client.control.region().segment()));
    }
  }
}
