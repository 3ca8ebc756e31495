package io.tensorbridge.batch;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;

import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.Region;
import io.tensorbridge.batch.wire.Span;
import io.tensorbridge.batch.wire.StatusLayout;
import io.tensorbridge.op.OpBatch;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.op.Outcome.NeedsSpace;
import io.tensorbridge.shm.Doorbell;
import io.tensorbridge.shm.PeerCredentials;
import io.tensorbridge.stress.ControlSlots;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** Batches that workers end while the dispatcher cancels or forgets them, or their client leaves. */
public final class BatchesStress {
  private static final long FIRST = 1;
  private static final long SECOND = 2;

  private BatchesStress() {}

  /** A client, and what the server holds for it. */
  private static final class Client {
    private static final BellWatch BELLS = BellWatch.start();
    private static final Doorbell DOORBELL = Doorbell.create();
    private static final MemorySegment MEMORY =
        Arena.global().allocate(StatusLayout.HEADER_BYTES, StatusLayout.ALIGNMENT);

    final ServerCounters counters = new ServerCounters();
    final AtomicInteger drained = new AtomicInteger();
    private final Region region =
        new Region("stress", MEMORY, Access.READWRITE, Backing.SEALED, () -> {});
    private final ClientWatch watch =
        new ClientWatch(1, new PeerCredentials(1, 1, 1), new ServerEvents());
    final ClientBatches batches =
        new ClientBatches(
            8, 1 << 16, counters, new CompletionRing(ControlSlots.fresh(), ControlSlots.ENTRIES),
            new PeerBell(DOORBELL, BELLS, () -> {}), watch, drained::incrementAndGet);

    /** A run of one item that is in flight and holds a lease. */
    InFlight inFlight(long id) {
      return inFlight(id, noItems(), null);
    }

    /** The same for a run that resumes the one item that waits. */
    InFlight resumed(long id, long waitingId) {
      WaitingItems waiting = batches.requireWaiting(waitingId);
      WaitingItems.Item item = waiting.require(0);
      BoundBatch batch = noItems();
      batch.add(
          new BoundItem.Continued(item.places(), 0, item.workBytes(), item.needs(), List.of()));
      waiting.beginResume(batch);
      return inFlight(id, batch, waiting);
    }

    private static BoundBatch noItems() {
      BoundBatch batch = new BoundBatch();
      batch.begin("stress", false, 1);
      return batch;
    }

    private InFlight inFlight(long id, BoundBatch batch, @Nullable WaitingItems origin) {
      BatchExecution run = new BatchExecution(batches, batch, status(), watch.workers());
      run.begin(id, batch, status(), origin, null, watch.workers(), null);
      LeaseSet leases = new LeaseSet(counters);
      leases.add(region, "run");
      run.hold(List.of(leases));
      InFlight begun = new InFlight(batches, run);
      batches.addInFlight(id, begun.work);
      return begun;
    }

    private StatusArea status() {
      MemorySegment written = Arena.ofAuto().allocate(Span.BYTES, Long.BYTES);
      Span.write(written, 0, 1, 1, 0, StatusLayout.HEADER_BYTES);
      SpanRef span = new SpanRef();
      span.read(written, 0);
      return new StatusArea(span, new RegisteredRegion(1, region, 0));
    }

    int held() {
      return counters.batches.get() + (int) counters.leases.get() + region.leaseCount();
    }
  }

  /** A run at work, whose items nobody tells of. */
  private static final class InFlight implements OpBatch.Listener {
    private static final OpBatch.Item ITEM = new OpBatch.Item(1, InFlight::oneChunk);

    private final ClientBatches batches;
    private final BatchExecution run;
    final OpBatch work = new OpBatch(List.of(ITEM), false, 1, this, () -> {});

    InFlight(ClientBatches batches, BatchExecution run) {
      this.batches = batches;
      this.run = run;
    }

    private static OpRun oneChunk() {
      return new OpRun() {
        @Override
        public int chunkCount(int phase) {
          return 1;
        }

        @Override
        public void runChunk(int phase, int chunk) {}
      };
    }

    /** Lets an item wait for space in the end. */
    InFlight waits() {
      ItemPlaces places = new ItemPlaces(List.of(), List.of(), List.of(), false, 0, 0);
      NeedsSpace needs =
          new NeedsSpace(
              List.of(),
              outputs -> {
                throw new IllegalStateException("nobody resumes it");
              });
      run.waiting().put(0, new WaitingItems.Item(places, 1, needs));
      return this;
    }

    void runAll() {
      work.runAll();
    }

    @Override
    public void itemEnded(int item, io.tensorbridge.op.Outcome outcome) {}

    @Override
    public void itemFailed(int item, BridgeException failure) {}

    @Override
    public void batchEnded() {
      batches.ended(run);
    }
  }

  /** What a client asks for: 1 if it was done, 0 if there was no such batch any more. */
  private static int tried(Runnable request) {
    try {
      request.run();
      return 1;
    } catch (ProtocolException refused) {
      return refused.code() == ErrorCode.UNKNOWN_BATCH ? 0 : -1;
    }
  }

  /** The last batches of a client end while it leaves. */
  @JCStressTest
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "drained once, nothing held")
  @State
  public static class BatchesEndAsTheClientLeaves {
    private final Client client = new Client();
    private final InFlight first = client.inFlight(FIRST);
    private final InFlight second = client.inFlight(SECOND);

    @Actor
    public void worker() {
      first.runAll();
      second.runAll();
    }

    @Actor
    public void dispatcher() {
      client.batches.close();
    }

    @Arbiter
    public void end(II_Result seen) {
      seen.r1 = client.drained.get();
      seen.r2 = client.held();
    }
  }

  /** A batch ends with items that wait, while its client leaves. */
  @JCStressTest
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "drained once, nothing waits or is held")
  @State
  public static class ItemsWaitAsTheClientLeaves {
    private final Client client = new Client();
    private final InFlight run = client.inFlight(FIRST).waits();

    @Actor
    public void worker() {
      run.runAll();
    }

    @Actor
    public void dispatcher() {
      client.batches.close();
    }

    @Arbiter
    public void end(II_Result seen) {
      seen.r1 = client.drained.get();
      seen.r2 = client.held();
    }
  }

  /** A batch ends while it is cancelled. */
  @JCStressTest
  @Outcome(
      id = {"0, 0", "1, 0"},
      expect = ACCEPTABLE,
      desc = "cancelled or unknown, nothing held")
  @State
  public static class EndsOrIsCancelled {
    private final Client client = new Client();
    private final InFlight run = client.inFlight(FIRST);

    @Actor
    public void worker() {
      run.runAll();
    }

    @Actor
    public void dispatcher(II_Result seen) {
      seen.r1 = tried(() -> client.batches.cancel(FIRST));
    }

    @Arbiter
    public void end(II_Result seen) {
      seen.r2 = client.held();
    }
  }

  /** Items that were resumed wait again, while the client forgets their batch. */
  @JCStressTest
  @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "forgotten, nothing waits or is held")
  @State
  public static class WaitAgainOrAreForgotten {
    private final Client client = new Client();
    private final InFlight resumed;

    public WaitAgainOrAreForgotten() {
      client.inFlight(FIRST).waits().runAll();
      resumed = client.resumed(SECOND, FIRST).waits();
    }

    @Actor
    public void worker() {
      resumed.runAll();
    }

    @Actor
    public void dispatcher(II_Result seen) {
      seen.r1 = tried(() -> client.batches.forget(FIRST));
    }

    @Arbiter
    public void end(II_Result seen) {
      seen.r2 = client.held();
    }
  }

  /** What was resumed of a batch ends, and with it all that waited, while the client forgets it. */
  @JCStressTest
  @Outcome(
      id = {"0, 0", "1, 0"},
      expect = ACCEPTABLE,
      desc = "forgotten or unknown, nothing held")
  @State
  public static class LastItemsEndOrAreForgotten {
    private final Client client = new Client();
    private final InFlight resumed;

    public LastItemsEndOrAreForgotten() {
      client.inFlight(FIRST).waits().runAll();
      resumed = client.resumed(SECOND, FIRST);
    }

    @Actor
    public void worker() {
      resumed.runAll();
    }

    @Actor
    public void dispatcher(II_Result seen) {
      seen.r1 = tried(() -> client.batches.forget(FIRST));
    }

    @Arbiter
    public void end(II_Result seen) {
      seen.r2 = client.held();
    }
  }
}
