package io.tensorbridge.shm;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.ResourceException;
import io.tensorbridge.shm.internal.posix.Errno;
import io.tensorbridge.shm.internal.posix.WaitCalls;
import java.lang.foreign.MemorySegment;

/**
 * Waits for many descriptors at once ({@code epoll}, level-triggered). One thread waits; any thread
 * may add and remove, also meanwhile.
 *
 * <p>A descriptor is ready when it can be read, has hung up, or has an error; it is reported by its
 * key as long as that lasts. Remove a descriptor before closing it: if a duplicate of it is open
 * elsewhere, the kernel would go on reporting it.
 *
 * <p>To wake the waiting thread, for example to end it, add a {@link Doorbell} and ring that.
 */
public final class Poller implements AutoCloseable {
  private static final int MAX_EVENTS = 256;
  private static final long NANOS_PER_MILLI = 1_000_000;

  private final Fd fd;
  private final MemorySegment events = WaitCalls.epollEvents(MAX_EVENTS);

  /**
   * Makes looking ({@link #await} without a timeout, or for ever) and doorbells of this process free of
   * objects, once it returns: for a process that looks thousands of times a second. Takes some
   * milliseconds the first time.
   */
  public static void linkLean() {
    WaitCalls.linkLean();
  }

  /**
   * A poller of nothing.
   *
   * @throws ResourceException if there are too many descriptors
   */
  public Poller() {
    fd = Fd.owning(WaitCalls.epollCreate());
  }

  /**
   * Begins to watch a descriptor.
   *
   * @param watched an open descriptor that is not watched yet, of a socket, doorbell or process
   * @param key what {@link #await} shall report for it
   * @throws BridgeClosedException if the poller or the descriptor was closed
   * @throws ResourceException if it is watched already or is a plain file
   */
  public void add(Fd watched, long key) {
    int epoll = fd.begin();
    try {
      WaitCalls.epollAdd(epoll, watched.number(), key);
    } finally {
      fd.end();
    }
  }

  /**
   * Begins to watch a doorbell for each time that it is rung, whether it was cleared or not: a peer
   * that never lets it fall silent wakes nobody by that.
   *
   * @param bell a doorbell that is not watched yet; if it is rung now, it is reported once
   * @param key what {@link #await} shall report for it
   * @throws BridgeClosedException if the poller or the doorbell was closed
   * @throws ResourceException if it is watched already
   */
  public void addRings(Doorbell bell, long key) {
    int epoll = fd.begin();
    try {
      WaitCalls.epollAddEdge(epoll, bell.fd().number(), key);
    } finally {
      fd.end();
    }
  }

  /**
   * Ends watching a descriptor. A key of it may still be among those being reported just now.
   *
   * @param watched a descriptor that was added
   * @throws BridgeClosedException if the poller or the descriptor was closed
   * @throws ResourceException if it is not watched
   */
  public void remove(Fd watched) {
    int epoll = fd.begin();
    try {
      WaitCalls.epollRemove(epoll, watched.number());
    } finally {
      fd.end();
    }
  }

  /**
   * Waits until a descriptor is ready.
   *
   * @param timeoutNanos how long, rounded up to milliseconds; 0 to look only, negative for ever
   * @param readyKeys where the keys go; at most as many are reported as fit, and at most 256
   * @return how many keys were stored, 0 if the time ran out
   * @throws BridgeClosedException if the poller was closed
   */
  public int await(long timeoutNanos, long[] readyKeys) {
    int epoll = fd.begin();
    try {
      int count = waitUninterrupted(epoll, timeoutNanos, Math.min(readyKeys.length, MAX_EVENTS));
      for (int i = 0; i < count; i++) {
        readyKeys[i] = WaitCalls.epollKey(events, i);
      }
      return count;
    } finally {
      fd.end();
    }
  }

  private int waitUninterrupted(int epoll, long timeoutNanos, int limit) {
    long deadline = System.nanoTime() + timeoutNanos;
    long left = timeoutNanos;
    while (true) {
      int result = WaitCalls.epollWait(epoll, events, limit, toMillis(left));
      if (result >= 0) {
        return result;
      }
      if (result != -Errno.EINTR) {
        throw Errno.failure("waiting for descriptors", -result);
      }
      left = timeoutNanos < 0 ? timeoutNanos : Math.max(0, deadline - System.nanoTime());
    }
  }

  private static int toMillis(long nanos) {
    if (nanos < 0) {
      return -1;
    }
    return (int) Math.min(Integer.MAX_VALUE, Math.ceilDiv(nanos, NANOS_PER_MILLI));
  }

  /** Closes the poller; the watched descriptors stay open. Not while a thread waits. */
  @Override
  public void close() {
    fd.close();
  }
}
