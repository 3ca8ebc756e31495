package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.batch.wire.HeldCounts;
import io.tensorbridge.batch.wire.Observation;
import io.tensorbridge.batch.wire.ObservedClient;
import io.tensorbridge.batch.wire.WorkCounts;
import io.tensorbridge.shm.LocalSocket;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ServerObservationTest extends ServerAndClient {
  private static final int OBSERVED_CLIENTS = 200;

  @Override
  ServerOptions.Builder options() {
    return super.options().maxClients(OBSERVED_CLIENTS + 2);
  }

  private ObservedClient only() {
    List<ObservedClient> clients = ServerView.of(socket()).clients();
    assertThat(clients).hasSize(1);
    return clients.getFirst();
  }

  @Test
  void aBatchIsCountedBeforeItsResultIsSeen() {
    Tensor small = counting(client().allocate(DType.F32, Shape.of(10)));
    Tensor large = counting(client().allocate(DType.F32, Shape.of(1 << 20)));
    client().submit(Batch.of("noop").add("a", small).add("b", large)).get().close();
    client().submit(Batch.of("copy").add("b", large)).get().close();
    ObservedClient seen = only();
    assertThat(seen.pid()).isEqualTo((int) ProcessHandle.current().pid());
    assertThat(seen.uid()).isEqualTo(ProcessUser.own());
    assertThat(seen.ageNanos()).isPositive();
    WorkCounts work = seen.work();
    assertThat(work.batches()).isEqualTo(2);
    assertThat(work.items()).isEqualTo(3);
    assertThat(work.failedItems()).isZero();
    assertThat(work.inputBytes()).isEqualTo(40 + (8 << 20));
    assertThat(work.outputBytes()).isEqualTo(4 << 20);
    assertThat(work.busyNanos()).isPositive();
    assertThat(work.runNanos()).isPositive();
    assertThat(work.runTimes().stream().mapToLong(Long::longValue).sum()).isEqualTo(2);
    assertThat(seen.held().regions()).isPositive();
    assertThat(seen.held().regionBytes()).isGreaterThan(8 << 20);
    assertThat(seen.held().inFlight()).isZero();
  }

  @Test
  void whatIsHeldNowIsSeen() {
    Tensor tensor = counting(client().allocate(DType.F32, Shape.of(10)));
    try (PreparedBatch _ = client().prepare(Batch.of("noop").add("a", tensor))) {
      BatchFuture slow =
          client().submit(Batch.of("delay").option("millis", "20000").add("a", tensor));
      ServerFixture.await(() -> only().held().inFlight() == 1);
      HeldCounts held = only().held();
      assertThat(held.kept()).isEqualTo(1);
      assertThat(held.leases()).isGreaterThan(1);
      long before = only().work().busyNanos();
      ServerFixture.await(() -> only().work().busyNanos() > before);
      slow.cancel();
      assertThatThrownBy(slow::get).isInstanceOf(BridgeException.class);
    }
    ServerFixture.await(() -> only().held().inFlight() == 0 && only().held().kept() == 0);
  }

  @Test
  void theLastErrorIsSeen() {
    assertThat(only().lastError()).isEqualTo(ErrorCode.OK);
    Tensor tensor = counting(client().allocate(DType.F32, Shape.of(10)));
    assertThatThrownBy(() -> client().submit(Batch.of("no-such").add("a", tensor)).get())
        .isInstanceOf(BridgeException.class);
    ObservedClient seen = only();
    assertThat(seen.lastError()).isEqualTo(ErrorCode.UNKNOWN_OPERATION);
    assertThat(seen.lastErrorText()).contains("no-such");
    assertThat(seen.work().refused()).isEqualTo(1);
  }

  @Test
  void theServersTotalsOutliveItsClients() {
    try (BatchClient second = BatchClient.connect(socket())) {
      Tensor tensor = counting(second.allocate(DType.F32, Shape.of(10)));
      second.submit(Batch.of("noop").add("a", tensor)).get().close();
      Observation both = server().observe();
      assertThat(both.clients()).hasSize(2);
      assertThat(both.server().clients()).isEqualTo(2);
      assertThat(both.clients().get(1).id()).isGreaterThan(both.clients().get(0).id());
    }
    ServerFixture.await(() -> server().observe().clients().size() == 1);
    Observation after = server().observe();
    assertThat(after.clients().getFirst().work().batches()).isZero();
    assertThat(after.server().work().batches()).isEqualTo(1);
    assertThat(after.server().work().inputBytes()).isEqualTo(40);
    assertThat(after.server().pid()).isEqualTo((int) ProcessHandle.current().pid());
    assertThat(after.server().workers()).isEqualTo(2);
    assertThat(after.server().uptimeNanos()).isPositive();
    assertThat(after.server().heapUsed()).isBetween(1L, after.server().heapCommitted());
  }

  @Test
  void whoOnlyLooksIsNoClient() {
    try (LocalSocket _ = LocalSocket.connect(socket())) {
      ServerFixture.await(() -> server().usage().clients() == 2);
      assertThat(ServerView.of(socket()).clients()).hasSize(1);
      assertThat(ServerView.of(socket()).server().clients()).isEqualTo(1);
    }
    ServerFixture.await(() -> server().usage().clients() == 1);
  }

  @Test
  void manyClientsAreSeenPageByPage() {
    List<BatchClient> clients = new ArrayList<>();
    for (int i = 0; i < OBSERVED_CLIENTS; i++) {
      clients.add(BatchClient.connect(socket()));
    }
    List<ObservedClient> seen = ServerView.of(socket()).clients();
    assertThat(seen).hasSize(OBSERVED_CLIENTS + 1);
    assertThat(seen).extracting(ObservedClient::id).isSorted().doesNotHaveDuplicates();
    clients.forEach(BatchClient::close);
  }

  @Test
  void aServerThatHasEndedCanNotBeObserved() {
    client().close();
    server().close();
    assertThatThrownBy(() -> server().observe()).isInstanceOf(BridgeClosedException.class);
  }
}
