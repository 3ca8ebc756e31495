package io.tensorbridge.shm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ResourceException;
import io.tensorbridge.shm.internal.posix.DescriptorCalls;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NothingLeft.class)
class FdTest {
  @Test
  void aClosedDescriptorHasNoNumber() {
    Doorbell bell = Doorbell.create();
    assertThat(isOpen(bell.fd().number())).isTrue();
    bell.close();
    assertThatThrownBy(() -> bell.fd().number()).isInstanceOf(BridgeClosedException.class);
    assertThatThrownBy(() -> bell.fd().duplicate()).isInstanceOf(BridgeClosedException.class);
  }

  @Test
  void closingTwiceClosesOnce() {
    Fd first = Doorbell.create().fd();
    first.close();
    try (Fd reusesTheNumber = Doorbell.create().fd()) {
      first.close();
      assertThat(isOpen(reusesTheNumber.number())).isTrue();
    }
  }

  @Test
  void aDuplicateLivesOnItsOwn() {
    Doorbell bell = Doorbell.create();
    Fd duplicate = bell.fd().duplicate();
    bell.ring();
    bell.close();
    try (Doorbell again = Doorbell.adopt(duplicate)) {
      assertThat(again.await(0)).isTrue();
    }
  }

  @Test
  void closingDuringACallTakesEffectAtItsEnd() {
    Fd fd = Doorbell.create().fd();
    int number = fd.begin();
    fd.close();
    assertThat(isOpen(number)).isTrue();
    assertThatThrownBy(fd::begin).isInstanceOf(BridgeClosedException.class);
    fd.end();
    assertThat(isOpen(number)).isFalse();
  }

  @Test
  void descriptorsAreNotInheritedByPrograms() throws IOException {
    try (Doorbell bell = Doorbell.create();
        LocalSocket.Pair pair = LocalSocket.pair();
        Poller poller = new Poller();
        Fd inherited = Fd.ofInherited(DescriptorCalls.duplicate(bell.fd().number()))) {
      List<Fd> all = new ArrayList<>(List.of(bell.fd(), pair.first().fd(), inherited));
      all.add(bell.fd().duplicate());
      for (Fd fd : all) {
        assertThat(ProcLink.infoOf(fd.number())).anyMatch(line -> line.matches("flags:\\s02.*"));
      }
      all.getLast().close();
      assertThat(poller.await(0, new long[1])).isZero();
    }
  }

  @Test
  void aDescriptorThatIsNotOpenCanNotBeTakenOver() {
    assertThatThrownBy(() -> Fd.ofInherited(987_654))
        .isInstanceOfSatisfying(
            ResourceException.class,
            e -> assertThat(e.code()).isEqualTo(ErrorCode.SYSTEM_CALL))
        .hasMessageContaining("EBADF");
  }

  @Test
  void openDescriptorsAreCounted() {
    int before = Fd.openCount();
    Doorbell bell = Doorbell.create();
    assertThat(Fd.openCount()).isEqualTo(before + 1);
    bell.close();
    assertThat(Fd.openCount()).isEqualTo(before);
  }

  private static boolean isOpen(int number) {
    return Files.exists(Path.of("/proc/self/fd/" + number), LinkOption.NOFOLLOW_LINKS);
  }
}
