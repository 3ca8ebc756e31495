package io.tensorbridge.batch;

import io.tensorbridge.Region;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** A client's region under the id that the client gave it; used by the dispatcher only. */
final class RegisteredRegion {
  private final int generation;
  private final Region region;
  private final long chargedBytes;
  private boolean released;
  /** The batch that leased it last: it needs no second lease. */
  private @Nullable LeaseSet leasedBy;

  /**
   * A mapped region.
   *
   * @param chargedBytes what it takes of the client's quota of bytes
   */
  RegisteredRegion(int generation, Region region, long chargedBytes) {
    this.generation = generation;
    this.region = region;
    this.chargedBytes = chargedBytes;
  }

  int generation() {
    return generation;
  }

  Region region() {
    return region;
  }

  /** The whole mapping; without a lease only for a use that ends before the dispatcher goes on. */
  MemorySegment memory() {
    return region.segment();
  }

  long chargedBytes() {
    return chargedBytes;
  }

  boolean isReleased() {
    return released;
  }

  /** Refuses new leases; the region is unmapped after its last one. */
  void release() {
    released = true;
    leasedBy = null;
    region.close();
  }

  void leaseFor(LeaseSet leases) {
    if (leasedBy != leases) {
      leases.add(region, "batch");
      leasedBy = leases;
    }
  }
}
