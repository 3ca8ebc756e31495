package io.tensorbridge.batch;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;

import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.Lease;
import io.tensorbridge.Region;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;

/** Leases on regions: no view outlives its memory, and memory is unmapped once. */
public final class LeaseStress {
  private static final MemorySegment MEMORY = MemorySegment.ofArray(new byte[8]);

  private LeaseStress() {}

  private static Region region(AtomicInteger unmapped) {
    return new Region(
        "stress", MEMORY, Access.READ, Backing.SEALED, unmapped::incrementAndGet);
  }

  /** Leases and uses a region: 0 if it was refused, 1 if it was mapped throughout, else 2. */
  private static int use(Region region, AtomicInteger unmapped) {
    try (Lease lease = region.lease("stress")) {
      int before = unmapped.get();
      Thread.onSpinWait();
      return before == 0 && unmapped.get() == 0 && lease.region() == region ? 1 : 2;
    } catch (BridgeClosedException closed) {
      return 0;
    }
  }

  /** A user, who comes twice, and the owner who closes. */
  @JCStressTest
  @Outcome(
      id = {"0, 0, 1", "1, 0, 1", "1, 1, 1"},
      expect = ACCEPTABLE,
      desc = "each use is refused or safe; unmapped once")
  @State
  public static class UseOrClose {
    private final AtomicInteger unmapped = new AtomicInteger();
    private final Region region = region(unmapped);

    @Actor
    public void user(III_Result seen) {
      seen.r1 = use(region, unmapped);
      seen.r2 = use(region, unmapped);
    }

    @Actor
    public void owner() {
      region.close();
    }

    @Arbiter
    public void end(III_Result seen) {
      seen.r3 = unmapped.get();
    }
  }

  /** Two threads close one lease, as a worker and a session that ends may. */
  @JCStressTest
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "unmapped once, no lease left")
  @State
  public static class LeaseIsClosedTwice {
    private final AtomicInteger unmapped = new AtomicInteger();
    private final Region region = region(unmapped);
    private final Lease lease = region.lease("stress");

    public LeaseIsClosedTwice() {
      region.close();
    }

    @Actor
    public void first() {
      lease.close();
    }

    @Actor
    public void second() {
      lease.close();
    }

    @Arbiter
    public void end(II_Result seen) {
      seen.r1 = unmapped.get();
      seen.r2 = region.leaseCount();
    }
  }

  /** The leases of a prepared batch, which a run and the client's FORGET end; and its region. */
  @JCStressTest
  @Outcome(id = "1, 0, 0", expect = ACCEPTABLE, desc = "unmapped once, nothing counted any more")
  @State
  public static class HoldersOfALeaseSet {
    private final AtomicInteger unmapped = new AtomicInteger();
    private final Region region = region(unmapped);
    private final ServerCounters counters = new ServerCounters();
    private final LeaseSet leases = new LeaseSet(counters);

    public HoldersOfALeaseSet() {
      leases.add(region, "batch");
      leases.retain();
    }

    @Actor
    public void run() {
      leases.release();
    }

    @Actor
    public void forget() {
      leases.release();
      region.close();
    }

    @Arbiter
    public void end(III_Result seen) {
      seen.r1 = unmapped.get();
      seen.r2 = region.leaseCount();
      seen.r3 = counters.leases.get();
    }
  }
}
