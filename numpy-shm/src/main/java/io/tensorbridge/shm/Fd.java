package io.tensorbridge.shm;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.shm.internal.posix.DescriptorCalls;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/**
 * One descriptor of this process, owned; thread-safe.
 *
 * <p>Every descriptor ends at exec, so that programs started by this one don't inherit it. Closing
 * while another thread is inside a call on it takes effect when that call returns: a number that
 * was given to another file meanwhile is never used.
 */
public final class Fd implements AutoCloseable {
  private static final AtomicInteger OPEN = new AtomicInteger();
  private static final int CLOSED = Integer.MIN_VALUE;

  private final int number;
  /** Calls under way; {@link #CLOSED} is added by {@link #close()}. */
  private final AtomicInteger uses = new AtomicInteger();

  private Fd(int number) {
    this.number = number;
    OPEN.incrementAndGet();
  }

  /** Owns a descriptor that was just created and ends at exec. */
  static Fd owning(int number) {
    return new Fd(number);
  }

  /**
   * Takes over a descriptor that this process was started with.
   *
   * @param number the number, known from a command line or an environment variable
   * @return its owner; programs started later don't inherit it
   * @throws io.tensorbridge.ResourceException if no such descriptor is open
   */
  public static Fd ofInherited(int number) {
    DescriptorCalls.closeOnExec(number);
    return new Fd(number);
  }

  /**
   * The number by which system calls know the descriptor.
   *
   * @return the number, valid until {@link #close()}
   * @throws BridgeClosedException if it was closed
   */
  public int number() {
    requireOpen(uses.get());
    return number;
  }

  /**
   * Another descriptor of the same kernel object.
   *
   * @return the duplicate, owned by the caller
   * @throws BridgeClosedException if this one was closed
   * @throws io.tensorbridge.ResourceException if there are too many descriptors
   */
  public Fd duplicate() {
    int source = begin();
    try {
      return new Fd(DescriptorCalls.duplicate(source));
    } finally {
      end();
    }
  }

  /** Begins a call: the number stays this descriptor's until {@link #end()}. */
  int begin() {
    int before;
    do {
      before = uses.get();
      requireOpen(before);
    } while (!uses.compareAndSet(before, before + 1));
    return number;
  }

  /** Ends a call. */
  void end() {
    if (uses.decrementAndGet() == CLOSED) {
      release();
    }
  }

  private void requireOpen(int state) {
    if (state < 0) {
      throw new BridgeClosedException("descriptor " + number + " was closed");
    }
  }

  /** Closes the descriptor, the kernel object with its last one; closing twice does nothing. */
  @Override
  public void close() {
    close(number -> {});
  }

  /** Closes the descriptor; {@code wake} is called before if a thread is inside a call on it. */
  void close(IntConsumer wake) {
    int before;
    do {
      before = uses.get();
      if (before < 0) {
        return;
      }
    } while (!uses.compareAndSet(before, before + 1 + CLOSED));
    try {
      if (before > 0) {
        wake.accept(number);
      }
    } finally {
      end();
    }
  }

  private void release() {
    OPEN.decrementAndGet();
    DescriptorCalls.close(number);
  }

  /** Closes all of a list. */
  static void closeAll(List<Fd> fds) {
    fds.forEach(Fd::close);
  }

  /**
   * How many descriptors are owned now, for tests that must leave none.
   *
   * @return open descriptors in this process
   */
  public static int openCount() {
    return OPEN.get();
  }

  @Override
  public String toString() {
    return uses.get() < 0 ? "closed descriptor " + number : "descriptor " + number;
  }
}
