package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.shm.Fd;
import io.tensorbridge.shm.LocalSocket;
import io.tensorbridge.shm.SharedRegion;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** A server with one client, and the check that nothing is left of either. */
abstract class ServerFixture {
  private int fdsBefore;
  private long mappedBefore;
  BatchServer server;
  WireClient client;

  ServerOptions options() {
    return ServerOptions.builder().diagnostics(true).build();
  }

  @BeforeEach
  void connect() {
    fdsBefore = Fd.openCount();
    mappedBefore = SharedRegion.mappedBytes();
    LocalSocket.Pair pair = LocalSocket.pair();
    server = BatchServer.serve(pair.first(), options());
    client = new WireClient(pair.second());
  }

  @AfterEach
  void nothingIsLeft() throws InterruptedException {
    client.close();
    server.awaitEnd();
    server.close();
    assertThat(server.usage()).isEqualTo(new BatchServer.Usage(0, 0, 0, 0, 0));
    // A worker that has just rung a doorbell may still be on its way out of the call.
    await(() -> Fd.openCount() <= fdsBefore);
    assertThat(Fd.openCount()).isEqualTo(fdsBefore);
    assertThat(SharedRegion.mappedBytes()).isEqualTo(mappedBefore);
  }

  static TensorLayout floats(long byteOffset, long... dimensions) {
    return TensorLayout.rowMajor(new TensorType(DType.F32, Shape.of(dimensions))).at(byteOffset);
  }

  /** Waits for something that another thread brings about. */
  static void await(java.util.function.BooleanSupplier condition) {
    long deadline = System.nanoTime() + 10_000_000_000L;
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("waited too long").isLessThan(deadline);
      LockSupport.parkNanos(100_000);
    }
  }
}
