package io.tensorbridge.batch;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.BridgeException;
import io.tensorbridge.batch.wire.ControlLayout;
import io.tensorbridge.shm.Doorbell;
import io.tensorbridge.shm.Poller;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Waits for completions: spin briefly, then sleep on the doorbell.
 *
 * <p>Whoever waits for a result looks for it itself. While it spins, it takes every completion that
 * comes, its own and those of others, and the server need not ring at all. When it goes to sleep, it
 * does so on the doorbell if no other does (the <i>leader</i>), so that the server's ring wakes just
 * the thread that wants the result: a separate reader would cost a second wake-up, some ten
 * microseconds. Followers sleep on their futures, which the leader completes.
 *
 * <pre>
 *   spin ──nothing came──▶ leader    sleeps on the doorbell
 *                      └─▶ follower  sleeps on its future; woken by whoever takes its completion
 *   reader thread          sleeps on the socket, and on the doorbell while there is no leader
 * </pre>
 *
 * <p>The reader thread serves results that nobody waits for, answers to requests, and the server's
 * death. {@code client_sleeping} is 1 whenever nobody spins.
 */
final class CompletionReader implements AutoCloseable {
  private static final long SOCKET = 0;
  private static final long DOORBELL = 1;
  private static final long STOP = 2;
  private static final int LOOKS_PER_CLOCK = 64;
  /** How late an interruption may be noticed; no wake-up depends on it. */
  private static final long INTERRUPT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private final ServerLink link;
  private final ClientRings rings;
  private final MemorySegment control;
  private final long spinNanos;
  private final Poller poller = new Poller();
  private final Doorbell stop = Doorbell.create();
  private final Thread reader;

  private final ReentrantLock spinLock = new ReentrantLock();
  private int spinners;

  private final ReentrantLock leading = new ReentrantLock();
  private volatile @Nullable CompletableFuture<?> led;

  CompletionReader(ServerLink link, ClientRings rings, long spinNanos) {
    this.link = link;
    this.rings = rings;
    this.control = link.control();
    this.spinNanos = spinNanos;
    poller.add(link.socketFd(), SOCKET);
    poller.add(link.clientBell().fd(), DOORBELL);
    poller.add(stop.fd(), STOP);
    ControlLayout.storeClientSleeping(control, true);
    reader = Thread.ofPlatform().daemon().name("tensorbridge-client").unstarted(this::read);
  }

  void start() {
    reader.start();
  }

  /**
   * Waits until a future has ended.
   *
   * @param timeoutNanos how long, {@link Long#MAX_VALUE} for ever
   * @return false if the time ran out
   * @throws io.tensorbridge.CancelledException if the thread is interrupted
   */
  boolean await(CompletableFuture<?> future, long timeoutNanos) {
    try {
      return spinThenSleep(future, timeoutNanos);
    } catch (IllegalStateException | BridgeClosedException closed) {
      // The client was closed meanwhile: the future ends without the ring.
      return awaitQuietly(future, timeoutNanos);
    }
  }

  private boolean spinThenSleep(CompletableFuture<?> future, long timeoutNanos) {
    long begin = System.nanoTime();
    if (spin(future, begin, Math.min(spinNanos, timeoutNanos))) {
      return true;
    }
    while (!future.isDone()) {
      if (Thread.interrupted()) {
        throw Waiting.interrupted();
      }
      long left = timeoutNanos == Long.MAX_VALUE
          ? Long.MAX_VALUE
          : timeoutNanos - (System.nanoTime() - begin);
      if (left <= 0) {
        return false;
      }
      sleep(future, Math.min(left, INTERRUPT_NANOS));
    }
    return true;
  }

  private boolean spin(CompletableFuture<?> future, long begin, long nanos) {
    drain();
    if (future.isDone() || nanos <= 0) {
      return future.isDone();
    }
    beginSpinning();
    try {
      do {
        for (int i = 0; i < LOOKS_PER_CLOCK; i++) {
          drain();
          if (future.isDone()) {
            return true;
          }
          Thread.onSpinWait();
        }
      } while (System.nanoTime() - begin < nanos);
    } finally {
      endSpinning();
    }
    drain();
    return future.isDone();
  }

  private void beginSpinning() {
    spinLock.lock();
    try {
      if (spinners++ == 0) {
        ControlLayout.storeClientSleeping(control, false);
      }
    } finally {
      spinLock.unlock();
    }
  }

  /** After this, the caller must look at the ring once more. */
  private void endSpinning() {
    spinLock.lock();
    try {
      if (--spinners == 0) {
        ControlLayout.storeClientSleeping(control, true);
      }
    } finally {
      spinLock.unlock();
    }
    VarHandle.fullFence();
  }

  private void sleep(CompletableFuture<?> future, long nanos) {
    if (!leading.tryLock()) {
      awaitQuietly(future, nanos);
      return;
    }
    try {
      lead(future, nanos);
    } finally {
      leading.unlock();
    }
  }

  private void lead(CompletableFuture<?> future, long nanos) {
    Doorbell bell = link.clientBell();
    poller.remove(bell.fd());
    led = future;
    try {
      // Whoever completes the future from now on sees that it is led, and rings.
      if (!future.isDone() && bell.await(nanos)) {
        bell.clear();
      }
    } finally {
      led = null;
      poller.add(bell.fd(), DOORBELL);
    }
    drain();
  }

  private static boolean awaitQuietly(CompletableFuture<?> future, long nanos) {
    try {
      future.get(nanos, TimeUnit.NANOSECONDS);
      return true;
    } catch (InterruptedException interrupted) {
      throw Waiting.interrupted();
    } catch (ExecutionException failed) {
      return true;
    } catch (TimeoutException late) {
      return false;
    }
  }

  /** Takes what has come; wakes the leader if its result was among it. */
  private void drain() {
    try {
      if (rings.drain()) {
        wakeLeader();
      }
    } catch (BridgeException corrupt) {
      lose(corrupt);
    }
  }

  /** To be called after a future was completed, by whoever did it. */
  void wakeLeader() {
    CompletableFuture<?> future = led;
    if (future != null && future.isDone()) {
      try {
        link.ringClient();
      } catch (BridgeClosedException closed) {
        // Closing a doorbell wakes whoever waits on it.
      }
    }
  }

  /** Ends the connection for everybody. */
  void lose(BridgeException reason) {
    link.end(reason);
    rings.loseAll(reason);
    wakeLeader();
  }

  private void read() {
    long[] ready = new long[3];
    boolean alive = true;
    while (alive) {
      int count = poller.await(-1, ready);
      for (int i = 0; i < count; i++) {
        alive &= serve(ready[i]);
      }
    }
    BridgeException reason = link.end();
    if (reason != null) {
      // The server may have published completions before it ended.
      drain();
      lose(reason);
    }
  }

  private boolean serve(long key) {
    if (key == SOCKET) {
      return link.readMessage();
    }
    if (key == DOORBELL) {
      link.clientBell().clear();
      drain();
      // A leader may have come since the ring was heard, and what was cleared been its ring.
      wakeLeader();
      return true;
    }
    return false;
  }

  /** Ends the reader thread. */
  @Override
  public void close() {
    stop.ring();
    boolean interrupted = false;
    while (reader.isAlive()) {
      try {
        reader.join();
      } catch (InterruptedException again) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    poller.close();
    stop.close();
  }
}
