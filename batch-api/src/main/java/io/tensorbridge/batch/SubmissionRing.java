package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.batch.wire.ControlLayout;
import io.tensorbridge.batch.wire.SubmissionEntry;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The server's end of a submission ring; used by the dispatcher only. */
final class SubmissionRing {
  private final MemorySegment control;
  private final int entries;
  /** What submissions are ahead of completions at the start: 0 in a fresh region. */
  private final int lead;
  private final MemorySegment entry = Arena.ofAuto().allocate(SubmissionEntry.BYTES, Long.BYTES);
  private final Submission submission = new Submission();
  private int head;

  /**
   * The ring of a control region.
   *
   * @param control the region
   * @param entries its size, proven
   */
  SubmissionRing(MemorySegment control, int entries) {
    this.control = control;
    this.entries = entries;
    this.head = ControlLayout.submissionHead(control);
    this.lead = head - ControlLayout.completionTail(control);
  }

  /**
   * The submissions that wait.
   *
   * @param completions the other ring
   * @return how many, at most the ring's size
   * @throws ProtocolException {@link ErrorCode#RING_CORRUPT} if the client's indices can't be
   */
  int waiting(CompletionRing completions) {
    int tail = ControlLayout.submissionTail(control);
    if (tail == head) {
      return 0;
    }
    int taken = ControlLayout.completionHead(control);
    requireAtMost(entries, tail - head, "submissions are claimed");
    requireAtMost(entries, completions.tail() - taken, "completions are claimed to be taken");
    requireAtMost(entries, tail - lead - taken, "submissions have no taken completion");
    return tail - head;
  }

  private void requireAtMost(int limit, int count, String what) {
    if (Integer.compareUnsigned(count, limit) > 0) {
      throw new ProtocolException(
          ErrorCode.RING_CORRUPT,
          Integer.toUnsignedString(count) + " " + what + ", but the rings have " + limit
              + " entries");
    }
  }

  /** Whether a submission waits; says nothing about whether the indices can be. */
  boolean hasNews() {
    return ControlLayout.submissionTail(control) != head;
  }

  /** How many submissions wait, as far as the client's index can be believed; for observers. */
  int queued() {
    int claimed = ControlLayout.submissionTail(control) - head;
    return Math.clamp(claimed, 0, entries);
  }

  /** Takes the next submission; there must be one. The object is that of the one before. */
  Submission take() {
    long at = ControlLayout.submissionOffset(entries, head);
    MemorySegment.copy(control, at, entry, 0, SubmissionEntry.BYTES);
    head++;
    ControlLayout.storeSubmissionHead(control, head);
    submission.read(entry);
    return submission;
  }

  /** Tells the client whether to ring; a full fence must follow before the server sleeps. */
  void storeSleeping(boolean sleeping) {
    ControlLayout.storeServerSleeping(control, sleeping);
  }
}
