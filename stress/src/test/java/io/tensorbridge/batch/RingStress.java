package io.tensorbridge.batch;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.batch.wire.CompletionEntry;
import io.tensorbridge.batch.wire.ControlLayout;
import io.tensorbridge.batch.wire.SubmissionEntry;
import io.tensorbridge.batch.wire.SubmissionKind;
import io.tensorbridge.stress.ControlSlots;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** What the two sides of a control region see of each other. */
public final class RingStress {
  private RingStress() {}

  private static int asInt(boolean value) {
    return value ? 1 : 0;
  }

  /** Who sees the tail sees the whole entry. */
  @JCStressTest
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "not published yet")
  @Outcome(id = "1, 16", expect = ACCEPTABLE, desc = "published, with its entry")
  @State
  public static class SubmissionIsPublished {
    private final MemorySegment control = ControlSlots.fresh();
    private final long at = ControlLayout.submissionOffset(ControlSlots.ENTRIES, 0);

    @Actor
    public void client() {
      SubmissionEntry.write(control, at, 7, SubmissionKind.RUN_PREPARED, 5, 0);
      ControlLayout.storeSubmissionTail(control, 1);
    }

    @Actor
    public void server(II_Result seen) {
      seen.r1 = ControlLayout.submissionTail(control);
      seen.r2 =
          seen.r1 == 0
              ? 0
              : (int) (SubmissionEntry.batchId(control, at)
                  + SubmissionEntry.kind(control, at)
                  + SubmissionEntry.targetId(control, at));
    }
  }

  /** The same for completions, which {@link CompletionRing} posts. */
  @JCStressTest
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "not published yet")
  @Outcome(id = "1, 12", expect = ACCEPTABLE, desc = "published, with its entry")
  @State
  public static class CompletionIsPosted {
    private final MemorySegment control = ControlSlots.fresh();
    private final CompletionRing ring = new CompletionRing(control, ControlSlots.ENTRIES);
    private final long at = ControlLayout.completionOffset(ControlSlots.ENTRIES, 0);

    @Actor
    public void server() {
      ring.post(7, ErrorCode.OK, 3, 2);
    }

    @Actor
    public void client(II_Result seen) {
      seen.r1 = ControlLayout.completionTail(control);
      seen.r2 =
          seen.r1 == 0
              ? 0
              : (int) (CompletionEntry.batchId(control, at)
                  + CompletionEntry.failedItems(control, at)
                  + CompletionEntry.waitingItems(control, at));
    }
  }

  /** A slot that is given back has been read: the next entry in it can't be seen. */
  @JCStressTest
  @Outcome(id = "0, 7", expect = ACCEPTABLE, desc = "not given back, read before")
  @Outcome(id = "1, 7", expect = ACCEPTABLE, desc = "given back, read before")
  @State
  public static class SlotIsGivenBack {
    private final MemorySegment control = ControlSlots.fresh();
    private final long at = ControlLayout.completionOffset(ControlSlots.ENTRIES, 0);
    private int seenByServer;
    private int seenByClient;

    public SlotIsGivenBack() {
      CompletionEntry.write(control, at, 7, 0, 0, 0);
    }

    @Actor
    public void client() {
      seenByClient = (int) CompletionEntry.batchId(control, at);
      ControlLayout.storeCompletionHead(control, 1);
    }

    @Actor
    public void server() {
      seenByServer = ControlLayout.completionHead(control);
      if (seenByServer == 1) {
        CompletionEntry.write(control, at, 9, 0, 0, 0);
      }
    }

    @Arbiter
    public void both(II_Result seen) {
      seen.r1 = seenByServer;
      seen.r2 = seenByClient;
    }
  }

  /** Publish a submission, or go to sleep: one of the two sees the other. */
  @JCStressTest
  @Outcome(id = "0, 0", expect = FORBIDDEN, desc = "a lost wake-up: no ring, and no second look")
  @Outcome(id = {"0, 1", "1, 0", "1, 1"}, expect = ACCEPTABLE, desc = "rings, or finds it")
  @State
  public static class ServerSleeps {
    private final MemorySegment control = ControlSlots.fresh();

    @Actor
    public void client(II_Result seen) {
      ControlLayout.storeSubmissionTail(control, 1);
      VarHandle.fullFence();
      seen.r1 = asInt(ControlLayout.serverSleeping(control));
    }

    @Actor
    public void server(II_Result seen) {
      ControlLayout.storeServerSleeping(control, true);
      VarHandle.fullFence();
      seen.r2 = ControlLayout.submissionTail(control);
    }
  }

  /** Post a completion, or go to sleep: one of the two sees the other. */
  @JCStressTest
  @Outcome(id = "0, 0", expect = FORBIDDEN, desc = "a lost wake-up: no ring, and no second look")
  @Outcome(id = {"0, 1", "1, 0", "1, 1"}, expect = ACCEPTABLE, desc = "rings, or finds it")
  @State
  public static class ClientSleeps {
    private final MemorySegment control = ControlSlots.fresh();
    private final CompletionRing ring = new CompletionRing(control, ControlSlots.ENTRIES);

    @Actor
    public void server(II_Result seen) {
      seen.r1 = asInt(ring.post(7, ErrorCode.OK, 0, 0));
    }

    @Actor
    public void client(II_Result seen) {
      ControlLayout.storeClientSleeping(control, true);
      VarHandle.fullFence();
      seen.r2 = ControlLayout.completionTail(control);
    }
  }

  /** What the fences are for: without them the wake-up is lost now and then. */
  @JCStressTest
  @Outcome(
      id = "0, 0",
      expect = ACCEPTABLE_INTERESTING,
      desc = "without fences: a lost wake-up, so this test can see one")
  @Outcome(id = {"0, 1", "1, 0", "1, 1"}, expect = ACCEPTABLE, desc = "rings, or finds it")
  @State
  public static class ServerSleepsWithoutFences {
    private final MemorySegment control = ControlSlots.fresh();

    @Actor
    public void client(II_Result seen) {
      ControlLayout.storeSubmissionTail(control, 1);
      seen.r1 = asInt(ControlLayout.serverSleeping(control));
    }

    @Actor
    public void server(II_Result seen) {
      ControlLayout.storeServerSleeping(control, true);
      seen.r2 = ControlLayout.submissionTail(control);
    }
  }
}
