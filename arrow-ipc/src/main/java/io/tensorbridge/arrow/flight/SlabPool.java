package io.tensorbridge.arrow.flight;

import io.tensorbridge.Access;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.QuotaException;
import io.tensorbridge.shm.SharedRegion;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The memory of a server: regions within a quota, used again because fresh pages are slow;
 * thread-safe.
 *
 * <p>A slab that is given back may still be on its way to a client: it is used again when its last
 * lease has ended.
 */
final class SlabPool implements AutoCloseable {
  private static final long LEAST_BYTES = 1 << 20;
  private static final long PAGE_BYTES = 4096;
  /** A slab is not given out for less than this part of it. */
  private static final long MOST_TIMES = 8;

  private final long maxBytes;
  /** Given back, perhaps with leases. */
  private final List<SharedRegion> idle = new ArrayList<>();
  private long bytes;
  private boolean closed;

  /** What is mapped, in use or not, stays within {@code maxBytes}. */
  SlabPool(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  /**
   * Gives a slab of at least so many bytes, to be given back.
   *
   * @throws QuotaException if the quota has no room
   */
  synchronized SharedRegion take(long wanted) {
    SharedRegion known = best(wanted);
    if (known != null) {
      idle.remove(known);
      return known;
    }
    long usual = Math.max(LEAST_BYTES, padded(wanted, LEAST_BYTES));
    long size = hasRoom(usual) ? usual : padded(Math.max(1, wanted), PAGE_BYTES);
    if (!hasRoom(size)) {
      throw new QuotaException(ErrorCode.QUOTA_BYTES, size + " bytes more, beside " + bytes
          + " in use, exceed the server's limit of " + maxBytes
          + "; delete tables, send smaller batches, or raise --flight-max-bytes");
    }
    SharedRegion fresh = SharedRegion.create("flight slab", size, Access.READ);
    bytes += size;
    return fresh;
  }

  private @Nullable SharedRegion best(long wanted) {
    SharedRegion best = null;
    for (SharedRegion slab : idle) {
      boolean fits = slab.byteSize() >= wanted
          && slab.byteSize() / MOST_TIMES <= Math.max(wanted, LEAST_BYTES);
      if (fits && slab.region().leaseCount() == 0
          && (best == null || slab.byteSize() < best.byteSize())) {
        best = slab;
      }
    }
    return best;
  }

  private boolean hasRoom(long size) {
    for (int i = idle.size() - 1; i >= 0 && size > maxBytes - bytes; i--) {
      SharedRegion slab = idle.get(i);
      if (slab.region().leaseCount() == 0) {
        idle.remove(i);
        bytes -= slab.byteSize();
        slab.close();
      }
    }
    return size <= maxBytes - bytes;
  }

  private static long padded(long size, long unit) {
    return Math.ceilDiv(size, unit) * unit;
  }

  /** Takes a slab back, which nobody will lease any more. */
  synchronized void giveBack(SharedRegion slab) {
    if (closed) {
      bytes -= slab.byteSize();
      slab.close();
    } else {
      idle.add(slab);
    }
  }

  /** What is mapped, in use or not. */
  synchronized long bytes() {
    return bytes;
  }

  /** The quota. */
  long maxBytes() {
    return maxBytes;
  }

  /** Unmaps what was given back, now or with its last lease, and what will be. */
  @Override
  public synchronized void close() {
    closed = true;
    List<SharedRegion> last = List.copyOf(idle);
    idle.clear();
    last.forEach(this::giveBack);
  }
}
