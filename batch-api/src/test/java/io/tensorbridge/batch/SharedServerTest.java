package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.QuotaException;
import io.tensorbridge.batch.WireClient.Item;
import io.tensorbridge.batch.WireClient.Place;
import io.tensorbridge.batch.wire.BatchBlock;
import io.tensorbridge.batch.wire.ErrorMessage;
import io.tensorbridge.batch.wire.SubmissionKind;
import io.tensorbridge.shm.Fd;
import io.tensorbridge.shm.LocalSocket;
import io.tensorbridge.shm.SharedRegion;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server at a path with many clients. */
class SharedServerTest {
  private static final int CLIENTS = 50;
  private static final int RING = 16;

  @TempDir
  Path folder;
  private int fdsBefore;
  private long mappedBefore;
  private BatchServer server;

  @BeforeEach
  void listen() {
    fdsBefore = Fd.openCount();
    mappedBefore = SharedRegion.mappedBytes();
    server =
        BatchServer.listen(
            folder.resolve("run/tb.sock"),
            ServerOptions.builder().diagnostics(true).maxClients(CLIENTS).threads(2).build());
  }

  @AfterEach
  void nothingIsLeft() {
    ServerFixture.await(() -> server.usage().equals(new BatchServer.Usage(0, 0, 0, 0, 0)));
    server.close();
    assertThat(folder.resolve("run/tb.sock")).doesNotExist();
    // A worker that has just rung a doorbell may still be on its way out of the call.
    ServerFixture.await(() -> Fd.openCount() <= fdsBefore);
    assertThat(Fd.openCount()).isEqualTo(fdsBefore);
    assertThat(SharedRegion.mappedBytes()).isEqualTo(mappedBefore);
  }

  private WireClient connect(int firstIndex) {
    LocalSocket socket = LocalSocket.connect(server.path().orElseThrow());
    return new WireClient(socket, RING, 1 << 16, firstIndex);
  }

  private static void assertServes(WireClient client, long id) {
    client.inputs().set(ValueLayout.JAVA_FLOAT, 0, (float) id);
    long block =
        client.block("noop", 0, 0, "", List.of(Item.of(Place.input(ServerFixture.floats(0, 1)))));
    client.submit(SubmissionKind.RUN, id, 0, 0, block);
    assertThat(client.await(id).code()).isEqualTo(ErrorCode.OK);
    assertThat(client.value(0, 0)).isEqualTo((float) id);
  }

  @Test
  void fiftyClientsAreServedAndOneMoreIsRefused() {
    List<WireClient> clients = new ArrayList<>();
    for (int i = 0; i < CLIENTS; i++) {
      clients.add(connect(0));
    }
    List<LocalSocket> observers = new ArrayList<>();
    for (int i = 0; i < ClientListener.MOST_OBSERVERS; i++) {
      observers.add(LocalSocket.connect(server.path().orElseThrow()));
    }
    try (LocalSocket late = LocalSocket.connect(server.path().orElseThrow());
        Arena arena = Arena.ofConfined()) {
      MemorySegment message = arena.allocate(1 << 16, 8);
      assertThat(late.receive(message, 0).length()).isPositive();
      assertThat(ErrorMessage.code(message, 0)).isEqualTo(ErrorCode.QUOTA_CLIENTS.number());
      assertThat(late.receive(message, 0).length()).isZero();
    }
    observers.forEach(LocalSocket::close);
    for (int round = 1; round <= 5; round++) {
      for (WireClient client : clients) {
        assertServes(client, round);
      }
    }
    clients.forEach(WireClient::close);
  }

  @Test
  void aFullServerLetsSomeLook() {
    List<WireClient> clients = new ArrayList<>();
    for (int i = 0; i < CLIENTS; i++) {
      clients.add(connect(0));
    }
    Path path = server.path().orElseThrow();
    for (int i = 0; i < 2 * ClientListener.MOST_OBSERVERS; i++) {
      assertThat(ServerView.of(path).clients()).hasSize(CLIENTS);
      ServerFixture.await(() -> server.usage().clients() == CLIENTS);
    }
    assertThatThrownBy(() -> BatchClient.connect(path))
        .isInstanceOfSatisfying(
            QuotaException.class,
            refused -> assertThat(refused.code()).isEqualTo(ErrorCode.QUOTA_CLIENTS));
    clients.removeLast().close();
    ServerFixture.await(() -> server.usage().clients() == CLIENTS - 1);
    try (BatchClient next = BatchClient.connect(path)) {
      assertThat(next.operations()).isNotEmpty();
    }
    clients.forEach(WireClient::close);
  }

  @Test
  void ringIndicesPassTheEndOfTheirRange() {
    try (WireClient client = connect(-3)) {
      for (int i = 1; i < 100; i++) {
        assertServes(client, i);
      }
    }
  }

  @Test
  void aClientThatVanishesDoesNotDisturbAnother() {
    try (WireClient survivor = connect(0)) {
      for (int i = 1; i < 20; i++) {
        WireClient victim = connect(0);
        long block =
            victim.block("delay", 0, 0, "millis=60000\n", Collections.nCopies(3, Item.of()));
        victim.submit(SubmissionKind.RUN, 1, 0, 0, block);
        assertServes(survivor, i);
        victim.close();
        ServerFixture.await(() -> server.usage().clients() == 1);
        ServerFixture.await(() -> server.usage().regions() == 2);
        assertServes(survivor, i + 1000);
      }
    }
  }

  @Test
  void aClientThatNeverRestsDoesNotHideAnother() throws Exception {
    AtomicBoolean over = new AtomicBoolean();
    try (ExecutorService threads = Executors.newFixedThreadPool(1)) {
      Future<?> restless = threads.submit(() -> submitWithoutRest(over));
      for (int i = 1; i < 20; i++) {
        try (WireClient other = connect(0)) {
          assertServes(other, i);
        }
      }
      over.set(true);
      await(restless);
    }
  }

  /** Keeps the ring full, so that the server finds something to do whenever it looks. */
  private void submitWithoutRest(AtomicBoolean over) {
    try (WireClient client = connect(0)) {
      long block = client.block("noop", 0, 0, "", List.of());
      long id = 0;
      for (int i = 0; i < RING - 1; i++) {
        client.submit(SubmissionKind.RUN, ++id, 0, 0, block);
      }
      while (!over.get()) {
        client.next();
        client.submit(SubmissionKind.RUN, ++id, 0, 0, block);
      }
      for (int i = 0; i < RING - 1; i++) {
        client.next();
      }
    }
  }

  @Test
  void aServerThatClosesEndsItsClients() {
    try (WireClient client = connect(0)) {
      long block = client.block("delay", 0, 0, "millis=60000\n", List.of(Item.of()));
      client.submit(SubmissionKind.RUN, 1, 0, 0, block);
      ServerFixture.await(() -> server.usage().batches() == 1);
      server.close();
      client.expectEnd();
    }
  }

  @Test
  void randomSubmissionsOfManyClientsAllComplete() throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      List<Future<?>> results = new ArrayList<>();
      for (int seed = 0; seed < 8; seed++) {
        int own = seed;
        results.add(threads.submit(() -> submitAtRandom(new Random(own))));
      }
      for (Future<?> result : results) {
        await(result);
      }
    }
  }

  private static void await(Future<?> result) throws InterruptedException {
    try {
      result.get();
    } catch (ExecutionException failure) {
      throw new AssertionError(failure.getCause());
    }
  }

  /** Every submission must complete, whatever it is, and the client must be served afterwards. */
  private void submitAtRandom(Random random) {
    try (WireClient client = connect(random.nextInt())) {
      Map<Long, Boolean> open = new HashMap<>();
      for (long id = 1; id <= 400; id++) {
        while (open.size() >= RING - 1 || (!open.isEmpty() && random.nextInt(4) == 0)) {
          assertThat(open.remove(client.next().batchId())).isNotNull();
        }
        submitOne(client, random, id);
        open.put(id, true);
      }
      while (!open.isEmpty()) {
        assertThat(open.remove(client.next().batchId())).isNotNull();
      }
      assertServes(client, 1_000_000);
    }
  }

  private static void submitOne(WireClient client, Random random, long id) {
    SubmissionKind kind = SubmissionKind.ofCode(1 + random.nextInt(7));
    long target = Math.max(1, id - 1 - random.nextInt(20));
    boolean targeted = kind.code() >= SubmissionKind.RUN_PREPARED.code();
    boolean withBlock = kind.code() <= 3 || kind == SubmissionKind.RESUME;
    client.submit(
        kind,
        id,
        targeted ? target : 0,
        random.nextInt(3) == 0 ? 2_000_000 : 0,
        withBlock ? randomBlock(client, random, kind) : 0);
  }

  private static long randomBlock(WireClient client, Random random, SubmissionKind kind) {
    Item item = Item.of(Place.input(ServerFixture.floats(0, 1 + random.nextInt(8000))));
    int flags = random.nextBoolean() ? BatchBlock.CONTINUE_ON_ERROR : 0;
    int items = random.nextInt(20);
    long length =
        switch (random.nextInt(4)) {
          case 0 -> client.block("delay", flags, 0, "millis=3\n", Collections.nCopies(2, item));
          case 1 -> client.block("nonzero", flags, 1, "", Collections.nCopies(items, item));
          case 2 -> client.block("copy", flags, 0, "", Collections.nCopies(items, item));
          default -> client.block("noop", flags, 0, "", Collections.nCopies(items, item));
        };
    if (random.nextInt(4) == 0) {
      // a hostile byte somewhere in the block
      client.memory().set(
          ValueLayout.JAVA_BYTE, random.nextLong(length), (byte) random.nextInt());
    }
    return kind == SubmissionKind.RESUME && random.nextBoolean() ? length + 8 : length;
  }
}
