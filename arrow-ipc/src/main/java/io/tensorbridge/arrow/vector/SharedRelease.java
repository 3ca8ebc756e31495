package io.tensorbridge.arrow.vector;

import java.util.concurrent.atomic.AtomicLong;

/** Runs something when the last of its holders has let go; thread-safe. */
final class SharedRelease {
  private final AtomicLong holders = new AtomicLong(1);
  private final Runnable released;

  /** Held once, by whoever made it. */
  SharedRelease(Runnable released) {
    this.released = released;
  }

  void hold() {
    holders.incrementAndGet();
  }

  void letGo() {
    if (holders.decrementAndGet() == 0) {
      released.run();
    }
  }
}
