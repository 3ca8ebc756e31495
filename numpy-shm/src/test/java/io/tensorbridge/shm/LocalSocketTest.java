package io.tensorbridge.shm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.Access;
import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.Region;
import io.tensorbridge.ResourceException;
import io.tensorbridge.shm.internal.posix.DescriptorCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NothingLeft.class)
@Timeout(60)
class LocalSocketTest {
  private final LocalSocket.Pair pair = LocalSocket.pair();
  private final LocalSocket one = pair.first();
  private final LocalSocket other = pair.second();
  private final MemorySegment buffer = MemorySegment.ofArray(new byte[64]);

  @AfterEach
  void close() {
    pair.close();
  }

  @Test
  void messagesKeepTheirBoundaries() {
    one.send(text("first"));
    one.send(text("second"));
    assertThat(receivedText()).isEqualTo("first");
    assertThat(receivedText()).isEqualTo("second");
  }

  @Test
  void messagesMayLieInAnySegment() {
    try (Arena arena = Arena.ofConfined()) {
      one.send(arena.allocateFrom("native").asSlice(0, 6));
      MemorySegment target = arena.allocate(16);
      assertThat(other.receive(target, 0).length()).isEqualTo(6);
      assertThat(target.getString(0)).isEqualTo("native");
    }
  }

  @Test
  void descriptorsArriveInOrder() {
    try (SharedRegion small = SharedRegion.create("small", 100, Access.READ);
        SharedRegion large = SharedRegion.create("large", 200, Access.READ)) {
      one.send(text("two"), small.fd(), large.fd());
      Received received = other.receive(buffer, 2);
      assertThat(received.fds()).hasSize(2);
      assertThat(received.truncated()).isFalse();
      try (Region adopted =
          SharedRegion.adopt("large", received.fds().get(1), Access.READ, 200)) {
        assertThat(adopted.byteSize()).isEqualTo(200);
      }
      received.closeFds();
    }
  }

  @Test
  void descriptorsAboveTheLimitAreDroppedAndReported() {
    try (Doorbell bell = Doorbell.create()) {
      one.send(text("two"), bell.fd(), bell.fd());
      Received received = other.receive(buffer, 1);
      assertThat(received.fds()).hasSize(1);
      assertThat(received.truncated()).isTrue();
      received.closeFds();
    }
  }

  @Test
  void unwantedDescriptorsAreDropped() {
    try (Doorbell bell = Doorbell.create()) {
      one.send(text("one"), bell.fd());
      Received received = other.receive(buffer, 0);
      assertThat(received.fds()).isEmpty();
      assertThat(received.truncated()).isTrue();
    }
  }

  @Test
  void asManyDescriptorsAsTheKernelTakesArrive() {
    try (Doorbell bell = Doorbell.create()) {
      Fd[] fds = new Fd[LocalSocket.MAX_DESCRIPTORS];
      Arrays.fill(fds, bell.fd());
      one.send(text("many"), fds);
      Received received = other.receive(buffer, LocalSocket.MAX_DESCRIPTORS);
      assertThat(received.fds()).hasSize(LocalSocket.MAX_DESCRIPTORS);
      received.closeFds();
    }
  }

  @Test
  void aMessageThatDoesNotFitIsReportedAsTruncated() {
    one.send(MemorySegment.ofArray(new byte[65]));
    Received received = other.receive(buffer, 0);
    assertThat(received.length()).isEqualTo(64);
    assertThat(received.truncated()).isTrue();
  }

  @Test
  void aClosedPeerReadsAsLengthZero() {
    one.close();
    assertThat(other.receive(buffer, 4).length()).isZero();
    assertThatThrownBy(() -> other.send(text("late"))).isInstanceOf(BridgeClosedException.class);
  }

  @Test
  void messagesSentBeforeTheEndStillArrive() {
    one.send(text("last"));
    one.close();
    assertThat(receivedText()).isEqualTo("last");
    assertThat(other.receive(buffer, 4).length()).isZero();
  }

  @Test
  void closingWakesTheReceiver() {
    CompletableFuture<Integer> length =
        CompletableFuture.supplyAsync(() -> other.receive(buffer, 4).length());
    other.close();
    assertThat(length.handle((n, closedBefore) -> closedBefore == null ? n : 0).join()).isZero();
  }

  @Test
  void closingOneDuplicateLeavesTheConnection() {
    try (LocalSocket inherited = LocalSocket.ofInherited(inherited(one.fd()))) {
      one.close();
      inherited.send(text("still here"));
      assertThat(receivedText()).isEqualTo("still here");
    }
  }

  @Test
  void shutdownEndsTheConnectionForDuplicatesToo() {
    try (LocalSocket inherited = LocalSocket.ofInherited(inherited(one.fd()))) {
      one.shutdown();
      assertThat(other.receive(buffer, 0).length()).isZero();
      assertThatThrownBy(() -> inherited.send(text("late")))
          .isInstanceOf(BridgeClosedException.class);
    }
  }

  @Test
  void tryingToSendNeverWaits() {
    int sent = 0;
    while (one.trySend(MemorySegment.ofArray(new byte[1000]))) {
      sent++;
    }
    assertThat(sent).isPositive();
    MemorySegment room = MemorySegment.ofArray(new byte[1000]);
    for (int i = 0; i < sent; i++) {
      assertThat(other.receive(room, 0).length()).isEqualTo(1000);
    }
    assertThat(one.trySend(text("room again"))).isTrue();
  }

  @Test
  void aMessageAboveTheSocketsBufferIsRefused() {
    assertThatThrownBy(() -> one.send(MemorySegment.ofArray(new byte[16 << 20])))
        .isInstanceOf(ResourceException.class)
        .hasMessageContaining("shared memory");
  }

  @Test
  void anEmptyMessageIsRefused() {
    assertThatThrownBy(() -> one.send(text(""))).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aClosedSocketOrDescriptorCanNotBeUsed() {
    Doorbell bell = Doorbell.create();
    bell.close();
    assertThatThrownBy(() -> one.send(text("x"), bell.fd()))
        .isInstanceOf(BridgeClosedException.class);
    one.close();
    assertThatThrownBy(() -> one.receive(buffer, 0)).isInstanceOf(BridgeClosedException.class);
  }

  @Test
  void theKernelNamesThePeer() {
    assertThat(one.peerCredentials().pid()).isEqualTo((int) ProcessHandle.current().pid());
  }

  @Test
  void connectingToNobodySaysSo() {
    assertThatThrownBy(() -> LocalSocket.connect(Path.of("/nonexistent/socket")))
        .isInstanceOf(ResourceException.class)
        .hasMessageContaining("no server listens");
  }

  @Test
  void aPathAboveTheKernelsLimitSaysSo() {
    assertThatThrownBy(() -> LocalSocket.connect(Path.of("/" + "x".repeat(107))))
        .isInstanceOf(ResourceException.class)
        .hasMessageContaining("108 bytes")
        .hasMessageContaining("107");
  }

  private String receivedText() {
    Received received = other.receive(buffer, 0);
    return new String(buffer.asSlice(0, received.length()).toArray(JAVA_BYTE), UTF_8);
  }

  private static MemorySegment text(String text) {
    return MemorySegment.ofArray(text.getBytes(UTF_8));
  }

  /** A descriptor number without an owner, as a child finds it. */
  private static int inherited(Fd fd) {
    return DescriptorCalls.duplicate(fd.number());
  }
}
