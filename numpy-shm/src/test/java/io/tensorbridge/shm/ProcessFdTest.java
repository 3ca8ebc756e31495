package io.tensorbridge.shm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.ResourceException;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NothingLeft.class)
@Timeout(60)
class ProcessFdTest {
  @Test
  void itTellsWhenAProcessHasEnded() throws IOException, InterruptedException {
    Process child = new ProcessBuilder("sleep", "1000").start();
    try (ProcessFd process = ProcessFd.open((int) child.pid());
        Poller poller = new Poller()) {
      poller.add(process.fd(), 1);
      assertThat(process.hasExited()).isFalse();
      assertThat(process.pid()).isEqualTo((int) child.pid());
      child.destroyForcibly();
      assertThat(poller.await(-1, new long[1])).isEqualTo(1);
      assertThat(process.hasExited()).isTrue();
    } finally {
      child.destroyForcibly().waitFor();
    }
  }

  @Test
  void anAdoptedDescriptorKnowsItsProcess() {
    int self = (int) ProcessHandle.current().pid();
    try (ProcessFd opened = ProcessFd.open(self);
        ProcessFd adopted = ProcessFd.adopt(opened.fd().duplicate())) {
      assertThat(adopted.pid()).isEqualTo(self);
      assertThat(adopted.hasExited()).isFalse();
    }
  }

  @Test
  void anAdoptedDescriptorOfAnEndedProcessSaysSo() throws IOException, InterruptedException {
    Process child = new ProcessBuilder("sleep", "1000").start();
    try (ProcessFd opened = ProcessFd.open((int) child.pid())) {
      child.destroyForcibly().waitFor();
      try (ProcessFd adopted = ProcessFd.adopt(opened.fd().duplicate())) {
        assertThat(adopted.pid()).isEqualTo(-1);
        assertThat(adopted.hasExited()).isTrue();
      }
    }
  }

  @Test
  void anotherKindOfDescriptorIsRefused() {
    try (Doorbell bell = Doorbell.create()) {
      assertThatThrownBy(() -> ProcessFd.adopt(bell.fd()))
          .isInstanceOfSatisfying(
              ProtocolException.class,
              e -> assertThat(e.code()).isEqualTo(ErrorCode.MISSING_DESCRIPTOR))
          .hasMessageContaining("eventfd");
    }
  }

  @Test
  void aProcessThatDoesNotExistIsRefused() {
    assertThatThrownBy(() -> ProcessFd.open(Integer.MAX_VALUE))
        .isInstanceOf(ResourceException.class)
        .hasMessageContaining("no process");
    assertThatThrownBy(() -> ProcessFd.open(0)).isInstanceOf(ResourceException.class);
  }
}
