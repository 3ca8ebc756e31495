package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.Access;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.batch.WireClient.Item;
import io.tensorbridge.batch.WireClient.Place;
import io.tensorbridge.batch.wire.MessageType;
import io.tensorbridge.batch.wire.SubmissionKind;
import io.tensorbridge.shm.SharedRegion;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What a server remembers of the items of a client must never show. */
class KnownItemsTest extends ServerFixture {
  private static final int EXTRA = 3;
  private long nextBatch = 1;

  /** Runs noop on the work region's block, and gives the code of the submission. */
  private ErrorCode run(List<Item> items) {
    long block = client.block("noop", 0, 0, "", items);
    long batch = nextBatch++;
    client.submit(SubmissionKind.RUN, batch, 0, 0, block);
    return client.await(batch).code();
  }

  private static List<Item> inExtra(TensorLayout layout) {
    return List.of(Item.of(new Place(EXTRA, WireClient.GENERATION, layout)));
  }

  private static SharedRegion filled(String name, float value) {
    SharedRegion region = SharedRegion.create(name, 1 << 16, Access.READ);
    for (long i = 0; i < 1 << 14; i++) {
      region.region().segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
    }
    return region;
  }

  private void releaseExtra() {
    client.expect(MessageType.OK, client.release(EXTRA));
  }

  @Test
  void aKnownItemOfAReleasedRegionIsRefused() {
    try (SharedRegion extra = filled("extra", 1)) {
      client.register(EXTRA, extra);
      assertThat(run(inExtra(floats(0, 8)))).isEqualTo(ErrorCode.OK);
      assertThat(run(inExtra(floats(0, 8)))).isEqualTo(ErrorCode.OK);
      releaseExtra();
      assertThat(run(inExtra(floats(0, 8)))).isEqualTo(ErrorCode.UNKNOWN_REGION);
    }
  }

  @Test
  void releasingDoesNotWaitForWhatIsRemembered() {
    long before = SharedRegion.mappedBytes();
    try (SharedRegion extra = filled("extra", 1)) {
      client.register(EXTRA, extra);
      assertThat(run(inExtra(floats(0, 8)))).isEqualTo(ErrorCode.OK);
      assertThat(server.usage().leases()).isZero();
      releaseExtra();
    }
    await(() -> SharedRegion.mappedBytes() == before);
  }

  @Test
  void equalBytesFindTheRegionThatIsRegisteredNow() {
    for (int round = 1; round <= 3; round++) {
      try (SharedRegion extra = filled("extra", round)) {
        client.register(EXTRA, extra);
        for (int i = 0; i < 2; i++) {
          assertThat(run(inExtra(floats(64, 8)))).isEqualTo(ErrorCode.OK);
          assertThat(client.value(0, 0)).isEqualTo(round);
          assertThat(client.value(0, 1)).isEqualTo(round);
        }
        releaseExtra();
      }
    }
  }

  @Test
  void aKnownItemIsCheckedAgainstASmallerRegionOfTheSameName() {
    try (SharedRegion extra = filled("extra", 1)) {
      client.register(EXTRA, extra);
      assertThat(run(inExtra(floats(8192, 8)))).isEqualTo(ErrorCode.OK);
      releaseExtra();
    }
    try (SharedRegion small = SharedRegion.create("small", 4096, Access.READ)) {
      client.register(EXTRA, small);
      assertThat(run(inExtra(floats(8192, 8)))).isEqualTo(ErrorCode.OFFSET_OVERFLOW);
      releaseExtra();
    }
  }

  @Test
  void anotherGenerationIsNotTheKnownItem() {
    assertThat(run(List.of(Item.of(Place.input(floats(0, 8)))))).isEqualTo(ErrorCode.OK);
    Place stale = new Place(WireClient.INPUT, WireClient.GENERATION + 1, floats(0, 8));
    assertThat(run(List.of(Item.of(stale)))).isEqualTo(ErrorCode.STALE_GENERATION);
  }

  @Test
  void twoItemsMayHaveTheSameBytes() {
    client.inputs().setAtIndex(ValueLayout.JAVA_FLOAT, 0, 4);
    List<Item> twins =
        List.of(
            Item.of(Place.input(floats(0, 2))),
            Item.of(Place.input(floats(4, 2))),
            Item.of(Place.input(floats(0, 2))));
    for (int round = 5; round < 8; round++) {
      client.inputs().setAtIndex(ValueLayout.JAVA_FLOAT, 1, round);
      assertThat(run(twins)).isEqualTo(ErrorCode.OK);
      for (int i : new int[]{0, 2}) {
        assertThat(client.value(i, 0)).isEqualTo(4);
        assertThat(client.value(i, 1)).isEqualTo(round);
      }
      assertThat(client.value(1, 0)).isEqualTo(round);
    }
  }

  @Test
  void theSameBytesMeanAnotherItemToAnotherOperationAndOtherOptions() {
    List<Item> items = List.of(Item.of(Place.input(floats(0, 8))));
    assertThat(run(items)).isEqualTo(ErrorCode.OK);
    assertThat(client.itemCode(0)).isEqualTo(ErrorCode.OK);
    client.submit(
        SubmissionKind.RUN, 1000, 0, 0, client.block("noop", 0, 0, "unheard=1\n", items));
    assertThat(client.await(1000).failedItems()).isEqualTo(1);
    assertThat(client.itemCode(0)).isEqualTo(ErrorCode.UNKNOWN_OPTION);
    client.submit(SubmissionKind.RUN, 1001, 0, 0, client.block("copy", 0, 0, "", items));
    assertThat(client.await(1001).code()).isEqualTo(ErrorCode.OUTPUT_MISMATCH);
    assertThat(run(items)).isEqualTo(ErrorCode.OK);
    assertThat(client.itemCode(0)).isEqualTo(ErrorCode.OK);
  }

  @Test
  void knownItemsInAnyOrderReadTheirOwnMemory() {
    Random random = new Random(1);
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < 500; i++) {
      order.add(i);
      client.inputs().setAtIndex(ValueLayout.JAVA_FLOAT, i, i);
    }
    for (int round = 0; round < 20; round++) {
      Collections.shuffle(order, random);
      List<Integer> some = order.subList(0, 1 + random.nextInt(order.size()));
      List<Item> items = new ArrayList<>();
      some.forEach(i -> items.add(Item.of(Place.input(floats(4L * i, 1)))));
      assertThat(run(items)).isEqualTo(ErrorCode.OK);
      for (int i = 0; i < some.size(); i++) {
        assertThat(client.value(i, 0)).isEqualTo((float) some.get(i));
      }
    }
  }

  @Test
  void outputsOfKnownItemsAreStillCompared() {
    TensorLayout input = floats(0, 16);
    Item first = new Item(0, 0, List.of(Place.input(input)), List.of(Place.relative(input)));
    Item second =
        new Item(0, 0, List.of(Place.input(input)), List.of(Place.relative(floats(64, 16))));
    Item between =
        new Item(0, 0, List.of(Place.input(input)), List.of(Place.relative(floats(32, 16))));
    assertThat(copy(List.of(first, second))).isEqualTo(ErrorCode.OK);
    assertThat(copy(List.of(second, first))).isEqualTo(ErrorCode.OK);
    assertThat(copy(List.of(between))).isEqualTo(ErrorCode.OK);
    assertThat(copy(List.of(first, between))).isEqualTo(ErrorCode.OUTPUT_OVERLAP);
    assertThat(copy(List.of(second, between))).isEqualTo(ErrorCode.OUTPUT_OVERLAP);
    assertThat(copy(List.of(second, second))).isEqualTo(ErrorCode.OUTPUT_OVERLAP);
    Item ofOutput =
        Item.of(new Place(WireClient.WORK, WireClient.GENERATION, floats(WireClient.OUTPUT, 4)));
    Item apart =
        new Item(0, 0, ofOutput.inputs(), List.of(Place.relative(floats(64, 4))));
    Item overlapping =
        new Item(0, 0, ofOutput.inputs(), List.of(Place.relative(floats(0, 4))));
    assertThat(copy(List.of(apart))).isEqualTo(ErrorCode.OK);
    assertThat(copy(List.of(overlapping))).isEqualTo(ErrorCode.OUTPUT_OVERLAP);
  }

  private ErrorCode copy(List<Item> items) {
    long batch = nextBatch++;
    client.submit(SubmissionKind.RUN, batch, 0, 0, client.block("copy", 0, 0, "", items));
    return client.await(batch).code();
  }

  @Test
  void whatIsRememberedIsBounded() {
    int mostItems = 2 * KnownItems.GENERATION_WORDS / 6;
    try (ServerPath path = new ServerPath(1 << 20)) {
      long batch = 1;
      for (int i = 0; i < 3 * mostItems; i += 1000) {
        List<TensorLayout> inputs = new ArrayList<>();
        for (int k = 0; k < 1000; k++) {
          inputs.add(floats(4L * (i + k), 4));
        }
        path.write(SubmissionKind.RUN, batch++, 0, path.block("noop", "", inputs));
        path.serve();
        assertThat(path.code(999)).isZero();
        assertThat(path.runner.knownItems()).isBetween(1000, mostItems);
      }
      long held = path.budget.wordsLeft();
      assertThat(held).isBetween((1L << 20) - 2 * KnownItems.GENERATION_WORDS, (1L << 20) - 6000);
      path.runner.close();
      assertThat(path.budget.wordsLeft()).isEqualTo(1L << 20);
    }
  }

  @Test
  void textsThatComeWithItemsCountAsWhatIsRemembered() {
    int textBytes = 12 << 10;
    int mostItems = 2 * KnownItems.GENERATION_WORDS / (textBytes / Long.BYTES);
    try (ServerPath path = new ServerPath(1 << 12)) {
      List<TensorLayout> inputs = List.of(floats(0, 4));
      for (int i = 1; i <= 3 * mostItems; i++) {
        String text = ("a" + i).repeat(textBytes).substring(0, textBytes);
        path.write(SubmissionKind.RUN, i, 0, path.block("noop", "", inputs, text));
        path.serve();
        assertThat(path.code(0)).isZero();
        assertThat(path.runner.knownItems()).isBetween(1, mostItems);
      }
      path.runner.close();
      assertThat(path.budget.wordsLeft()).isEqualTo(1L << 20);
    }
  }

  @Test
  void clientsShareOneBudget() {
    ItemBudget budget = new ItemBudget(10);
    assertThat(budget.take(8)).isTrue();
    assertThat(budget.take(8)).isFalse();
    budget.giveBack(8);
    assertThat(budget.take(10)).isTrue();
    assertThat(budget.wordsLeft()).isZero();
  }
}
