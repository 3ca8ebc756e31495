package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.Access;
import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.Region;
import io.tensorbridge.Shape;
import io.tensorbridge.batch.wire.ControlLayout;
import io.tensorbridge.batch.wire.Hello;
import io.tensorbridge.batch.wire.MessageHeader;
import io.tensorbridge.batch.wire.MessageType;
import io.tensorbridge.batch.wire.Welcome;
import io.tensorbridge.shm.Doorbell;
import io.tensorbridge.shm.Fd;
import io.tensorbridge.shm.LocalSocket;
import io.tensorbridge.shm.Received;
import io.tensorbridge.shm.SharedRegion;
import io.tensorbridge.shm.internal.posix.DescriptorCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Servers that play with the doorbells, whose flags they share: no call of a client hangs. */
@Timeout(60)
class HostileServerTest {
  @RegisterExtension
  static final NothingLeft NOTHING_LEFT = new NothingLeft();

  private static final int SERVER_BELL = 1;
  private static final int CLIENT_BELL = 2;

  private final ExecutorService threads = Executors.newCachedThreadPool();
  private LocalSocket.Pair pair;
  private List<Fd> fds = List.of();
  private Future<?> answering;
  private BatchClient client;

  @BeforeEach
  void join() throws Exception {
    pair = LocalSocket.pair();
    answering = threads.submit(this::answer);
    client = BatchClient.over(pair.second());
  }

  @AfterEach
  void leave() throws Exception {
    inTime(client::close);
    answering.get(20, TimeUnit.SECONDS);
    fds.forEach(Fd::close);
    pair.first().close();
    threads.shutdown();
    assertThat(threads.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
  }

  /** Shakes hands, then says OK to everything, and completes nothing. */
  private void answer() {
    MemorySegment buffer = Arena.ofAuto().allocate(MessageHeader.MAX_MESSAGE_BYTES, 8);
    while (true) {
      Received received = pair.first().receive(buffer, LocalSocket.MAX_DESCRIPTORS);
      if (received.length() == 0) {
        return;
      }
      MemorySegment message = Arena.ofAuto().allocate(Welcome.BYTES, 8);
      int request = MessageHeader.requestId(buffer, 0);
      if (MessageHeader.type(buffer, 0) == MessageType.HELLO.code()) {
        fds = received.fds();
        tellThatItSleeps(Hello.controlLength(buffer, 0));
        Welcome.write(
            message, 0, request, 0, 1, new Welcome.Limits(64, 64, 64, 1, 1 << 30, 1 << 20));
        pair.first().send(message);
      } else {
        received.closeFds();
        MessageHeader.write(message, 0, MessageType.OK, request, MessageHeader.BYTES);
        if (!isSent(message.asSlice(0, MessageHeader.BYTES))) {
          return;
        }
      }
    }
  }

  private boolean isSent(MemorySegment message) {
    try {
      return pair.first().trySend(message);
    } catch (BridgeClosedException gone) {
      return false; // the client did not wait for it
    }
  }

  private void tellThatItSleeps(long controlBytes) {
    try (Region control =
        SharedRegion.adopt("control", fds.getFirst(), Access.READWRITE, controlBytes)) {
      ControlLayout.storeServerSleeping(control.segment(), true);
    }
  }

  private void fill(int bell) {
    MemorySegment most = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_LONG, -2L);
    int number = fds.get(bell).number();
    assertThat(DescriptorCalls.write(number, most)).isEqualTo(Long.BYTES);
    DescriptorCalls.setBlocking(number, true);
  }

  private BatchFuture submit() {
    return client.submit(Batch.of("noop").add("a", client.allocate(DType.F32, Shape.of(4))));
  }

  private void inTime(Runnable call) throws Exception {
    try {
      threads.submit(call).get(20, TimeUnit.SECONDS);
    } catch (ExecutionException failed) {
      throw failed.getCause() instanceof Exception cause ? cause : failed;
    }
  }

  @Test
  void aFullServerDoorbellEndsTheConnection() {
    fill(SERVER_BELL);
    assertThatThrownBy(() -> inTime(() -> submit().get()))
        .isInstanceOfSatisfying(
            ProtocolException.class,
            refused -> assertThat(refused.code()).isEqualTo(ErrorCode.BAD_FLAGS))
        .hasMessageContaining("doorbell");
    assertThatThrownBy(() -> inTime(this::submit)).isInstanceOf(ProtocolException.class);
  }

  @Test
  void aFullClientDoorbellDoesNotKeepTheClientFromClosing() throws Exception {
    Future<?> waiting = threads.submit(() -> submit().get());
    fill(CLIENT_BELL);
    inTime(client::close);
    assertThatThrownBy(() -> waiting.get(20, TimeUnit.SECONDS))
        .hasCauseInstanceOf(BridgeException.class);
  }

  @Test
  void aDoorbellThatIsAlwaysEmptyKeepsNobody() throws Exception {
    int number = fds.get(CLIENT_BELL).number();
    DescriptorCalls.setBlocking(number, true);
    try (Doorbell bell = Doorbell.adopt(fds.get(CLIENT_BELL).duplicate())) {
      Future<?> waiting = threads.submit(() -> submit().get());
      for (int i = 0; i < 100_000; i++) {
        DescriptorCalls.setBlocking(number, true);
        bell.ring();
        bell.clear();
      }
      inTime(client::close);
      assertThatThrownBy(() -> waiting.get(20, TimeUnit.SECONDS))
          .hasCauseInstanceOf(BridgeClosedException.class);
    }
  }
}
