package io.tensorbridge;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A piece of mapped memory with one owner and counted users; thread-safe.
 *
 * <p>Users take a {@link Lease} before they touch the memory. {@link #close()} refuses new leases
 * and unmaps when the last lease ends, so that no view outlives its memory; {@link
 * #close(Duration)} waits for that and says who still holds one.
 */
public final class Region implements AutoCloseable {
  private final String name;
  private final MemorySegment segment;
  private final Access access;
  private final Backing backing;
  private final Runnable unmap;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition unmappedCondition = lock.newCondition();
  private final Set<Lease> leases = Collections.newSetFromMap(new IdentityHashMap<>());
  private boolean closed;
  private boolean unmapped;

  /**
   * Takes over mapped memory.
   *
   * @param name a few words for diagnosis
   * @param segment the whole memory; accessible from every thread
   * @param access what the peer may do with it
   * @param backing what stands behind it
   * @param unmap frees the memory; called once, by whichever thread ends the last use
   */
  public Region(
      String name, MemorySegment segment, Access access, Backing backing, Runnable unmap) {
    this.name = name;
    this.segment = segment;
    this.access = access;
    this.backing = backing;
    this.unmap = unmap;
  }

  /**
   * The region's name.
   *
   * @return a few words for diagnosis
   */
  public String name() {
    return name;
  }

  /**
   * The whole memory. Hold a lease while you touch it.
   *
   * @return the segment
   */
  public MemorySegment segment() {
    return segment;
  }

  /**
   * The size of the memory.
   *
   * @return bytes
   */
  public long byteSize() {
    return segment.byteSize();
  }

  /**
   * What the peer may do with the memory.
   *
   * @return the access
   */
  public Access access() {
    return access;
  }

  /**
   * What stands behind the memory.
   *
   * @return the backing
   */
  public Backing backing() {
    return backing;
  }

  /**
   * Keeps the region mapped until the lease is closed.
   *
   * @param holder who asks, for diagnosis
   * @return the lease, owned by the caller
   * @throws BridgeClosedException if the region was closed
   */
  public Lease lease(String holder) {
    Lease lease = new Lease(this, holder);
    lock.lock();
    try {
      if (closed) {
        throw new BridgeClosedException("region " + name + " is closed");
      }
      leases.add(lease);
    } finally {
      lock.unlock();
    }
    return lease;
  }

  /**
   * The number of leases that are open now.
   *
   * @return 0 if nobody uses the region
   */
  public int leaseCount() {
    lock.lock();
    try {
      return leases.size();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Who holds a lease now.
   *
   * @return the holders in no order
   */
  public List<String> holders() {
    lock.lock();
    try {
      List<String> holders = new ArrayList<>(leases.size());
      for (Lease lease : leases) {
        holders.add(lease.holder());
      }
      return holders;
    } finally {
      lock.unlock();
    }
  }

  /** Refuses new leases; unmaps now or when the last lease ends. Closing twice does nothing. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      if (!leases.isEmpty()) {
        return;
      }
    } finally {
      lock.unlock();
    }
    unmapOnce();
  }

  /**
   * Closes the region and waits until it is unmapped.
   *
   * @param patience how long to wait for open leases
   * @throws ResourceException {@link ErrorCode#REGION_IN_USE} with the holders if leases are still
   *     open then; the region is closed all the same and unmaps at the last release
   */
  public void close(Duration patience) {
    close();
    long nanos = patience.toNanos();
    lock.lock();
    try {
      while (!unmapped) {
        if (nanos <= 0) {
          throw new ResourceException(
              ErrorCode.REGION_IN_USE,
              "region " + name + " is still leased by " + String.join(", ", holders())
                  + "; close these leases first");
        }
        nanos = unmappedCondition.awaitNanos(nanos);
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new ResourceException(
          ErrorCode.REGION_IN_USE,
          "interrupted while waiting for the leases of region " + name,
          interrupted);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Whether the memory is gone.
   *
   * @return true after the last use of a closed region
   */
  public boolean isUnmapped() {
    lock.lock();
    try {
      return unmapped;
    } finally {
      lock.unlock();
    }
  }

  void release(Lease lease) {
    lock.lock();
    try {
      leases.remove(lease);
      if (!closed || !leases.isEmpty()) {
        return;
      }
    } finally {
      lock.unlock();
    }
    unmapOnce();
  }

  private void unmapOnce() {
    lock.lock();
    try {
      if (unmapped) {
        return;
      }
      unmap.run();
      unmapped = true;
      unmappedCondition.signalAll();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public String toString() {
    return "region " + name + " of " + byteSize() + " bytes, " + access;
  }
}
