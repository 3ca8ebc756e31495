package io.tensorbridge.arrow.cdata;

import io.tensorbridge.BridgeClosedException;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Something over memory, and what ends its use; thread-safe.
 *
 * <p>Whoever has it closes it, or gives it away: an {@linkplain ArrowExport export} takes it over.
 * Closing twice does nothing.
 *
 * @param <T> {@link io.tensorbridge.arrow.ArrowBatch} or {@link io.tensorbridge.arrow.ArrowColumn}
 */
public final class Owned<T> implements AutoCloseable {
  private final T value;
  private final Runnable release;
  private final AtomicBoolean closed = new AtomicBoolean();

  private Owned(T value, Runnable release) {
    this.value = value;
    this.release = release;
  }

  /**
   * Binds something to what ends its use.
   *
   * @param <T> what it is
   * @param value a batch or a column
   * @param release called once, by any thread, when it is not used any more: {@code lease::close},
   *     {@code file::close}
   * @return the value with its owner
   */
  public static <T> Owned<T> of(T value, Runnable release) {
    return new Owned<>(value, release);
  }

  /**
   * Something whose memory outlives every use.
   *
   * @param <T> what it is
   * @param value a batch or a column over memory that is never freed, or that has no memory
   * @return the value with no owner
   */
  public static <T> Owned<T> unowned(T value) {
    return new Owned<>(value, () -> {});
  }

  /**
   * What is owned.
   *
   * @return usable until {@link #close}
   * @throws BridgeClosedException if it was closed or given away
   */
  public T value() {
    if (closed.get()) {
      throw new BridgeClosedException("this Arrow data was closed or given away");
    }
    return value;
  }

  /** Takes the owner's end away, so that only the caller can run it, once. */
  Runnable give() {
    if (!closed.compareAndSet(false, true)) {
      throw new BridgeClosedException("this Arrow data was closed or given away");
    }
    return release;
  }

  /**
   * Ends the use of the memory.
   *
   * @throws IllegalStateException if what ends it says that it is used right now, as imported memory
   *     does during a system call on it; nothing was closed then, close again
   */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      try {
        release.run();
      } catch (IllegalStateException inUse) {
        closed.set(false);
        throw inUse;
      }
    }
  }

  @Override
  public String toString() {
    return (closed.get() ? "closed " : "owned ") + value;
  }
}
