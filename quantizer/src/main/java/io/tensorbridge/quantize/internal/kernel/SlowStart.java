package io.tensorbridge.quantize.internal.kernel;

import java.util.concurrent.locks.ReentrantLock;

/**
 * Lets one thread at a time use a kernel that is not compiled yet; thread-safe.
 *
 * <p>Interpreted vector code does next to nothing and makes much work for the compiler: a second
 * thread would take the compiler's processor, so that all of them crawl for longer.
 */
final class SlowStart {
  /** Compiled kernels need less, by the factor 5 to 20; interpreted ones more, by such factors. */
  private static final long COMPILED_NANOS_PER_ELEMENT = 100;

  /** Nobody waits longer than this for the compiler. */
  private static final long PATIENCE_NANOS = 5_000_000_000L;

  private final ReentrantLock turn = new ReentrantLock();
  private final long created = System.nanoTime();
  private volatile boolean over;

  /**
   * Waits for the turn of the calling thread.
   *
   * @return whether the thread has a turn, to be {@linkplain #end ended}; false if there is no need
   *     any more
   */
  boolean begin() {
    if (over) {
      return false;
    }
    turn.lock();
    if (over) {
      turn.unlock();
      return false;
    }
    return true;
  }

  /** Ends the turn of the calling thread, in which it did so much in such a time. */
  void end(long elements, long nanos) {
    if (nanos < elements * COMPILED_NANOS_PER_ELEMENT
        || System.nanoTime() - created > PATIENCE_NANOS) {
      over = true;
    }
    turn.unlock();
  }
}
