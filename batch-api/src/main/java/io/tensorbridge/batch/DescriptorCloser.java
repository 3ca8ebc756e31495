package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.QuotaException;
import io.tensorbridge.shm.Fd;
import io.tensorbridge.shm.SharedFile;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Closes what clients sent and the server has no use for; thread-safe, and waits for nobody.
 *
 * <p>Some closes wait for a process of the client: that of a file behind FUSE for the one that serves
 * it. Another thread does these, one for each user who has any, so that users don't wait for each
 * other. Who has {@link #MOST} that are not closed yet is cut off and let in again when they are: so
 * neither threads nor descriptors are used up.
 */
final class DescriptorCloser {
  /** The descriptors of one user that may wait to be closed. */
  static final int MOST = 64;

  private final Predicate<Fd> mayWait;
  private final Consumer<Fd> closing;
  private final Map<Integer, Waiting> waiting = new HashMap<>();

  /** What waits for one user, and is closed in this order. */
  private static final class Waiting {
    private final Queue<Fd> fds = new ArrayDeque<>();
    private boolean hasThread;
  }

  /** A closer that asks the system which closes may wait. */
  DescriptorCloser() {
    this(SharedFile::closingMayWait, Fd::close);
  }

  /**
   * A closer.
   *
   * @param mayWait whether closing a descriptor may wait
   * @param closing closes one of which that is so
   */
  DescriptorCloser(Predicate<Fd> mayWait, Consumer<Fd> closing) {
    this.mayWait = mayWait;
    this.closing = closing;
  }

  /**
   * Closes a descriptor, now or later.
   *
   * @param user of whom it came
   * @param fd is the closer's from now on
   * @return false if it must wait, and the user is at the bound: who sent it is to be cut off
   */
  boolean close(int user, Fd fd) {
    if (!mayWait.test(fd)) {
      fd.close();
      return true;
    }
    synchronized (this) {
      Waiting of = waiting.computeIfAbsent(user, id -> new Waiting());
      of.fds.add(fd);
      if (!of.hasThread) {
        Thread.ofPlatform().daemon().name("tensorbridge-close").start(() -> closeAll(user, of));
        of.hasThread = true;
      }
      return of.fds.size() < MOST;
    }
  }

  /** Whether a user has as many that are not closed yet as anybody may. */
  synchronized boolean isFull(int user) {
    Waiting of = waiting.get(user);
    return of != null && of.fds.size() >= MOST;
  }

  /** What a client of such a user is told. */
  static QuotaException refusal() {
    return new QuotaException(
        ErrorCode.QUOTA_REGIONS,
        MOST + " descriptors of this user wait to be closed, for file systems that do not answer;"
            + " send no files behind FUSE, and come again when its process answers");
  }

  private void closeAll(int user, Waiting of) {
    for (Fd fd = first(of); fd != null; fd = next(user, of)) {
      closing.accept(fd);
    }
  }

  private synchronized @Nullable Fd first(Waiting of) {
    return of.fds.peek();
  }

  /** The next one, once the first is closed, which counts until then. */
  private synchronized @Nullable Fd next(int user, Waiting of) {
    of.fds.remove();
    if (of.fds.isEmpty()) {
      waiting.remove(user);
    }
    return of.fds.peek();
  }
}
