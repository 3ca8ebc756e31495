package io.tensorbridge;

import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A promise that a {@link Region} stays mapped; thread-safe.
 *
 * <p>Whoever took the lease closes it, once its last use of the memory is over. Closing twice does
 * nothing.
 */
public final class Lease implements AutoCloseable {
  private final Region region;
  private final String holder;
  private final AtomicBoolean closed = new AtomicBoolean();

  Lease(Region region, String holder) {
    this.region = region;
    this.holder = holder;
  }

  /**
   * The region that this lease keeps mapped.
   *
   * @return the region
   */
  public Region region() {
    return region;
  }

  /**
   * Who holds the lease, as told to {@link Region#lease(String)}.
   *
   * @return a few words for diagnosis
   */
  public String holder() {
    return holder;
  }

  /** Ends the lease; the last one of a closed region unmaps it. */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      region.release(this);
    }
  }
}
