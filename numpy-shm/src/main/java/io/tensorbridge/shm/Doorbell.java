package io.tensorbridge.shm;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.ResourceException;
import io.tensorbridge.shm.internal.posix.DescriptorCalls;
import io.tensorbridge.shm.internal.posix.Errno;
import io.tensorbridge.shm.internal.posix.WaitCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What wakes a sleeping peer: a counter of the kernel ({@code eventfd}) that one side raises and the
 * other waits for and resets; thread-safe.
 *
 * <p>It stays rung until {@link #clear()}, however often it was rung. Whoever sleeps on it says so
 * first where the peer looks, clears it after waking, and then looks for work once more.
 *
 * <p>Both sides share the descriptor's flags, so a peer that sets it blocking and fills the counter
 * can make {@link #ring()} wait, until {@link #unblock()}. Everything else never waits for a peer.
 */
public final class Doorbell implements AutoCloseable {
  private static final String EVENTFD = "anon_inode:[eventfd]";
  private static final MemorySegment ONE = Arena.global().allocateFrom(ValueLayout.JAVA_LONG, 1L);

  private final Fd fd;
  private final MemorySegment scratch = WaitCalls.resetScratch();

  private Doorbell(Fd fd) {
    this.fd = fd;
  }

  /**
   * Creates a doorbell that is not rung.
   *
   * @return the doorbell, owned by the caller
   * @throws ResourceException if there are too many descriptors
   */
  public static Doorbell create() {
    return new Doorbell(Fd.owning(WaitCalls.eventfd()));
  }

  /**
   * Takes over a doorbell that a peer sent.
   *
   * @param fd the descriptor; on success it is the doorbell's, on failure still the caller's
   * @return the doorbell, owned by the caller
   * @throws ProtocolException {@link ErrorCode#MISSING_DESCRIPTOR} if it is no eventfd
   */
  public static Doorbell adopt(Fd fd) {
    int number = fd.begin();
    try {
      String target = ProcLink.targetOf(number);
      if (!target.equals(EVENTFD)) {
        throw new ProtocolException(
            ErrorCode.MISSING_DESCRIPTOR,
            "a doorbell must be an eventfd, but the descriptor is " + target);
      }
      DescriptorCalls.setBlocking(number, false);
      return new Doorbell(fd);
    } finally {
      fd.end();
    }
  }

  /**
   * Wakes whoever waits, now or next.
   *
   * @throws BridgeClosedException if this doorbell was closed
   */
  public void ring() {
    int number = fd.begin();
    try {
      write(number);
    } finally {
      fd.end();
    }
  }

  private void write(int number) {
    long result = WaitCalls.raise(number, ONE);
    // A full counter is rung already.
    if (result < 0 && result != -Errno.EAGAIN) {
      throw Errno.failure("ringing a doorbell", (int) -result);
    }
  }

  /**
   * Makes it silent again; does nothing if it was not rung.
   *
   * @throws BridgeClosedException if this doorbell was closed
   */
  public void clear() {
    int number = fd.begin();
    try {
      WaitCalls.reset(number, scratch);
    } finally {
      fd.end();
    }
  }

  /**
   * Frees threads that wait in {@link #ring()} because the peer has filled the counter and made the
   * descriptor block. The peer can do so again at once; then call it again.
   *
   * @return false if the counter is not full: nobody waits, and nothing was done
   * @throws BridgeClosedException if this doorbell was closed
   */
  public boolean unblock() {
    int number = fd.begin();
    try {
      if (WaitCalls.isWritable(number)) {
        return false;
      }
      DescriptorCalls.setBlocking(number, false);
      WaitCalls.reset(number, scratch);
      return true;
    } finally {
      fd.end();
    }
  }

  /** Closes this side's descriptor while nobody waits here; never waits for the peer. */
  public void discard() {
    fd.close();
  }

  /**
   * Waits until it is rung, and leaves it rung.
   *
   * @param timeoutNanos how long, 0 to look only, negative for ever
   * @return false if the time ran out
   * @throws BridgeClosedException if this doorbell was closed, also while waiting
   */
  public boolean await(long timeoutNanos) {
    int number = fd.begin();
    boolean rung;
    try {
      rung = WaitCalls.awaitReadable(number, timeoutNanos);
    } finally {
      fd.end();
    }
    if (rung) {
      fd.number(); // rung by close()?
    }
    return rung;
  }

  /**
   * The descriptor, to be passed to the peer or given to a {@link Poller}.
   *
   * @return the descriptor, still owned by the doorbell
   */
  public Fd fd() {
    return fd;
  }

  /** Closes this side's descriptor, waking threads that wait here; closing twice does nothing. */
  @Override
  public void close() {
    fd.close(this::write);
  }

  @Override
  public String toString() {
    return "doorbell on " + fd;
  }
}
