package io.tensorbridge.shm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.ResourceException;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NothingLeft.class)
@Timeout(60)
class PollerTest {
  private static final long FOR_EVER = -1;
  private static final long KEY = 0xFEDC_BA98_7654_3210L;

  private final Poller poller = new Poller();
  private final Doorbell bell = Doorbell.create();
  private final long[] ready = new long[8];

  @AfterEach
  void close() {
    poller.close();
    bell.close();
  }

  @Test
  void itReportsAKeyAsLongAsItsDescriptorIsReady() {
    poller.add(bell.fd(), KEY);
    assertThat(poller.await(0, ready)).isZero();
    bell.ring();
    assertThat(poller.await(FOR_EVER, ready)).isEqualTo(1);
    assertThat(ready[0]).isEqualTo(KEY);
    assertThat(poller.await(FOR_EVER, ready)).isEqualTo(1);
    bell.clear();
    assertThat(poller.await(0, ready)).isZero();
  }

  @Test
  void itReportsNoMoreKeysThanFit() {
    try (Doorbell second = Doorbell.create()) {
      poller.add(bell.fd(), 1);
      poller.add(second.fd(), 2);
      bell.ring();
      second.ring();
      assertThat(poller.await(FOR_EVER, new long[1])).isEqualTo(1);
      assertThat(poller.await(FOR_EVER, ready)).isEqualTo(2);
      assertThat(Arrays.copyOf(ready, 2)).containsExactlyInAnyOrder(1, 2);
    }
  }

  @Test
  void aPeerThatHangsUpIsReady() {
    try (LocalSocket.Pair pair = LocalSocket.pair()) {
      poller.add(pair.first().fd(), KEY);
      assertThat(poller.await(0, ready)).isZero();
      pair.second().close();
      assertThat(poller.await(FOR_EVER, ready)).isEqualTo(1);
    }
  }

  @Test
  void aRemovedDescriptorIsNotReported() {
    poller.add(bell.fd(), KEY);
    bell.ring();
    poller.remove(bell.fd());
    assertThat(poller.await(1_000_000, ready)).isZero();
  }

  @Test
  void descriptorsMayBeAddedWhileAThreadWaits() {
    CompletableFuture<Integer> count =
        CompletableFuture.supplyAsync(() -> poller.await(FOR_EVER, ready));
    bell.ring();
    poller.add(bell.fd(), KEY);
    assertThat(count.join()).isEqualTo(1);
  }

  @Test
  void addingTwiceOrRemovingAStrangerIsRefused() {
    assertThatThrownBy(() -> poller.remove(bell.fd())).isInstanceOf(ResourceException.class);
    poller.add(bell.fd(), KEY);
    assertThatThrownBy(() -> poller.add(bell.fd(), KEY)).isInstanceOf(ResourceException.class);
  }

  @Test
  void aClosedPollerCanNotBeUsed() {
    poller.close();
    assertThatThrownBy(() -> poller.await(0, ready)).isInstanceOf(BridgeClosedException.class);
  }
}
