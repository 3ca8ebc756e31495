package io.tensorbridge.batch;

import io.tensorbridge.shm.Doorbell;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * A doorbell that a peer knows, too; thread-safe.
 *
 * <p>The peer shares the descriptor's flags, so it can fill the counter and make a write wait.
 * {@link BellWatch} frees whoever does, and the peer is cut off.
 */
final class PeerBell {
  private static final long PAUSE_NANOS = 1_000_000;

  private final Doorbell bell;
  private final BellWatch watch;
  private final Runnable blocked;
  private final AtomicInteger ringing = new AtomicInteger();
  private final AtomicInteger rung = new AtomicInteger();
  private long seen;

  /**
   * A bell that is watched from now on.
   *
   * @param bell still the caller's
   * @param watch frees threads that wait for it
   * @param blocked runs in another thread when a thread had to be freed
   */
  PeerBell(Doorbell bell, BellWatch watch, Runnable blocked) {
    this.bell = bell;
    this.watch = watch;
    this.blocked = blocked;
    watch.add(this);
  }

  /** Wakes whoever sleeps on it. */
  void ring() {
    ringing.incrementAndGet();
    watch.arm();
    try {
      bell.ring();
    } finally {
      rung.incrementAndGet();
      ringing.decrementAndGet();
    }
  }

  boolean isRinging() {
    return ringing.get() > 0;
  }

  /** Whether a ring has begun or ended since the watch looked last; used by the watch only. */
  boolean hasMoved() {
    long now = (long) rung.get() << 1 | (isRinging() ? 1 : 0);
    boolean moved = now != seen;
    seen = now;
    return moved;
  }

  /** Frees whoever waits in {@link #ring()}, and tells. A thread that is only slow needs nothing. */
  void free() {
    if (bell.unblock()) {
      blocked.run();
    }
  }

  /** Ends the watching; the bell is silent from now on. */
  void close() {
    watch.remove(this);
  }

  /** The same, once those who ring it are done; nobody may begin to. */
  void closeAfterRings() {
    while (isRinging()) {
      LockSupport.parkNanos(this, PAUSE_NANOS);
    }
    close();
  }
}
