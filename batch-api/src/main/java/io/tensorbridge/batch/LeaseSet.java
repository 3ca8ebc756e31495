package io.tensorbridge.batch;

import io.tensorbridge.Lease;
import io.tensorbridge.Region;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The leases of one batch, at most one for each region, held by everything that still needs them: a
 * prepared batch, its runs, waiting items. Filled by one thread, its first holder, which closes it;
 * shared by any others, who retain and release it.
 */
final class LeaseSet implements AutoCloseable {
  private final ServerCounters counters;
  private final List<Lease> leases = new ArrayList<>(4);
  private final AtomicInteger holders = new AtomicInteger(1);
  private boolean filled;

  LeaseSet(ServerCounters counters) {
    this.counters = counters;
  }

  void add(Region region, String holder) {
    leases.add(region.lease(holder));
    counters.leases.incrementAndGet();
  }

  /** Adds a holder, who calls {@link #release()} once. */
  void retain() {
    holders.incrementAndGet();
  }

  /** Ends the leases with the last holder. */
  void release() {
    if (holders.decrementAndGet() == 0) {
      // Before the regions know, whose end is told to the client.
      counters.leases.addAndGet(-leases.size());
      leases.forEach(Lease::close);
    }
  }

  /** Ends the hold of the thread that has filled the set; closing twice does nothing. */
  @Override
  public void close() {
    if (!filled) {
      filled = true;
      release();
    }
  }
}
