package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.shm.Doorbell;
import io.tensorbridge.shm.Fd;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/**
 * The closer waits for nobody; {@code test_security.py} has it close files whose file system does not
 * answer.
 */
class DescriptorCloserTest {
  private static final int USER = 7;

  private static Fd anyFd() {
    try (Doorbell bell = Doorbell.create()) {
      return bell.fd().duplicate();
    }
  }

  @Test
  void whatClosesAtOnceIsClosedAtOnce() {
    int before = Fd.openCount();
    DescriptorCloser closer = new DescriptorCloser(fd -> false, Fd::close);
    for (int i = 0; i < 2 * DescriptorCloser.MOST; i++) {
      closer.close(USER, anyFd());
      assertThat(Fd.openCount()).isEqualTo(before);
    }
    assertThat(closer.isFull(USER)).isFalse();
  }

  @Test
  void whatMayWaitIsClosedByAnother() {
    int before = Fd.openCount();
    DescriptorCloser closer = new DescriptorCloser(fd -> true, Fd::close);
    for (int i = 0; i < 1000; i++) {
      closer.close(USER, anyFd());
    }
    ServerFixture.await(() -> Fd.openCount() == before);
    ServerFixture.await(() -> !closer.isFull(USER));
  }

  @Test
  void whoHasManyThatWaitIsFullUntilTheyAreClosed() {
    int before = Fd.openCount();
    CountDownLatch answers = new CountDownLatch(1);
    DescriptorCloser closer = new DescriptorCloser(fd -> true, fd -> closeAfter(answers, fd));
    int threads = closers();
    for (int i = 1; i <= DescriptorCloser.MOST; i++) {
      assertThat(closer.isFull(USER)).isFalse();
      closer.close(USER, anyFd());
    }
    assertThat(closer.isFull(USER)).isTrue();
    assertThat(closers()).isEqualTo(threads + 1);

    assertThat(closer.isFull(USER + 1)).isFalse();
    closer.close(USER + 1, anyFd());
    assertThat(closers()).isEqualTo(threads + 2);

    answers.countDown();
    ServerFixture.await(() -> Fd.openCount() == before);
    ServerFixture.await(() -> !closer.isFull(USER));
    ServerFixture.await(() -> closers() == threads);
  }

  private static void closeAfter(CountDownLatch answers, Fd fd) {
    try {
      answers.await();
    } catch (InterruptedException interrupted) {
      throw new AssertionError(interrupted);
    }
    fd.close();
  }

  private static int closers() {
    return (int) Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("tensorbridge-close"))
        .count();
  }
}
