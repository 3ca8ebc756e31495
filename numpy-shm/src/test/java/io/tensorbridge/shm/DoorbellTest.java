package io.tensorbridge.shm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.Access;
import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NothingLeft.class)
@Timeout(60)
class DoorbellTest {
  private static final long FOR_EVER = -1;

  @Test
  void itStaysRungUntilItIsCleared() {
    try (Doorbell bell = Doorbell.create()) {
      assertThat(bell.await(0)).isFalse();
      bell.ring();
      bell.ring();
      assertThat(bell.await(FOR_EVER)).isTrue();
      assertThat(bell.await(0)).isTrue();
      bell.clear();
      assertThat(bell.await(0)).isFalse();
    }
  }

  @Test
  void clearingASilentOneDoesNotWait() {
    try (Doorbell bell = Doorbell.create()) {
      bell.clear();
      bell.clear();
      assertThat(bell.await(1000)).isFalse();
    }
  }

  @Test
  void itWakesAnotherThread() {
    try (Doorbell bell = Doorbell.create()) {
      CompletableFuture<Boolean> woken = CompletableFuture.supplyAsync(() -> bell.await(FOR_EVER));
      bell.ring();
      assertThat(woken.join()).isTrue();
    }
  }

  @Test
  void bothSidesShareIt() {
    try (Doorbell mine = Doorbell.create();
        Doorbell theirs = Doorbell.adopt(mine.fd().duplicate())) {
      theirs.ring();
      assertThat(mine.await(FOR_EVER)).isTrue();
      mine.clear();
      assertThat(theirs.await(0)).isFalse();
    }
  }

  @Test
  void closingItWakesWhoeverWaitsHere() throws InterruptedException {
    Doorbell bell = Doorbell.create();
    Thread waiter =
        Thread.ofPlatform()
            .start(
                () -> assertThatThrownBy(() -> bell.await(FOR_EVER))
                    .isInstanceOf(BridgeClosedException.class));
    bell.close();
    waiter.join();
    assertThatThrownBy(bell::ring).isInstanceOf(BridgeClosedException.class);
  }

  @Test
  void aFullOneIsEmptiedSoThatItCanBeRung() {
    try (Doorbell bell = Doorbell.create()) {
      bell.ring();
      assertThat(bell.unblock()).isFalse();
      bell.clear();
      HostileFd.fill(bell.fd());
      assertThat(bell.unblock()).isTrue();
      assertThat(bell.await(0)).isFalse();
      bell.ring();
      assertThat(bell.await(FOR_EVER)).isTrue();
    }
  }

  @Test
  void aPollerReportsEachRingOnceThoughNobodyClearsIt() {
    try (Doorbell bell = Doorbell.create();
        Poller poller = new Poller()) {
      long[] keys = new long[2];
      poller.addRings(bell, 7);
      assertThat(poller.await(0, keys)).isZero();
      for (int i = 0; i < 3; i++) {
        bell.ring();
        assertThat(poller.await(FOR_EVER, keys)).isOne();
        assertThat(poller.await(0, keys)).isZero();
      }
    }
  }

  @Test
  void anotherKindOfDescriptorIsRefused() {
    try (SharedRegion region = SharedRegion.create("no bell", 8, Access.READ);
        Poller poller = new Poller()) {
      assertThatThrownBy(() -> Doorbell.adopt(region.fd()))
          .isInstanceOfSatisfying(
              ProtocolException.class,
              e -> assertThat(e.code()).isEqualTo(ErrorCode.MISSING_DESCRIPTOR))
          .hasMessageContaining("/memfd:");
      assertThat(poller.await(0, new long[1])).isZero();
    }
  }
}
