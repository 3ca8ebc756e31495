package io.tensorbridge.batch;

import io.tensorbridge.BridgeClosedException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

/**
 * Looks at doorbells while any is rung, and frees threads that wait for one: a write to an eventfd
 * can't be told not to wait where a peer controls the descriptor's flags.
 *
 * <p>Its thread sleeps while nothing is rung, so that idle peers cost nothing; thread-safe.
 */
final class BellWatch implements AutoCloseable {
  private static final long TICK_NANOS = 20_000_000;
  private static final int QUIET_TICKS = 100;

  private final Set<PeerBell> bells = ConcurrentHashMap.newKeySet();
  private final Thread thread =
      Thread.ofPlatform().name("tensorbridge-bells").daemon().unstarted(this::run);
  private volatile boolean armed;
  private volatile boolean closed;

  /** A watch that has begun. */
  static BellWatch start() {
    BellWatch watch = new BellWatch();
    watch.thread.start();
    return watch;
  }

  void add(PeerBell bell) {
    bells.add(bell);
  }

  void remove(PeerBell bell) {
    bells.remove(bell);
  }

  /** Called before each ring; costs a read while it is armed. */
  void arm() {
    if (!armed) {
      armed = true;
      LockSupport.unpark(thread);
    }
  }

  private void run() {
    int quiet = 0;
    while (!closed) {
      if (quiet >= QUIET_TICKS) {
        armed = false;
        // Whoever rings from here on arms it again.
        if (!look()) {
          LockSupport.park(this);
        }
        quiet = 0;
      }
      LockSupport.parkNanos(this, TICK_NANOS);
      quiet = look() ? 0 : quiet + 1;
    }
  }

  /** Looks at all bells once; tells whether any was rung since, or is being rung. */
  private boolean look() {
    boolean any = false;
    for (PeerBell bell : bells) {
      boolean moved = bell.hasMoved();
      any |= moved || bell.isRinging();
      if (!moved && bell.isRinging()) {
        free(bell);
      }
    }
    return any;
  }

  private static void free(PeerBell bell) {
    try {
      bell.free();
    } catch (BridgeClosedException gone) {
      // with its peer, which ended meanwhile
    }
  }

  @Override
  public void close() {
    closed = true;
    LockSupport.unpark(thread);
  }
}
