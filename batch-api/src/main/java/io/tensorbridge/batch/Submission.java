package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.batch.wire.SubmissionEntry;
import io.tensorbridge.batch.wire.SubmissionKind;
import java.lang.foreign.MemorySegment;

/** A submission as a client wrote it; each is read once, into the same object. */
final class Submission {
  private final SpanRef block = new SpanRef();
  private final SpanRef status = new SpanRef();
  private final SpanRef output = new SpanRef();
  private long batchId;
  private int kindCode;
  private boolean reservedIsZero;
  private long targetId;
  private long timeoutNanos;

  /**
   * Takes over the next submission.
   *
   * @param entry a copy in private memory
   */
  void read(MemorySegment entry) {
    batchId = SubmissionEntry.batchId(entry, 0);
    kindCode = SubmissionEntry.kind(entry, 0);
    reservedIsZero = SubmissionEntry.reservedIsZero(entry, 0);
    targetId = SubmissionEntry.targetId(entry, 0);
    timeoutNanos = SubmissionEntry.timeoutNanos(entry, 0);
    block.read(entry, SubmissionEntry.blockOffset(0));
    status.read(entry, SubmissionEntry.statusOffset(0));
    output.read(entry, SubmissionEntry.outputOffset(0));
  }

  long batchId() {
    return batchId;
  }

  int kindCode() {
    return kindCode;
  }

  boolean reservedIsZero() {
    return reservedIsZero;
  }

  long targetId() {
    return targetId;
  }

  long timeoutNanos() {
    return timeoutNanos;
  }

  SpanRef block() {
    return block;
  }

  SpanRef status() {
    return status;
  }

  SpanRef output() {
    return output;
  }

  /** Checks the fields that need no other memory. */
  SubmissionKind requireKind() {
    SubmissionKind kind = SubmissionKind.ofCode(kindCode);
    boolean fits =
        reservedIsZero
            && switch (kind) {
              case RUN -> targetId == 0;
              case PLAN, PREPARE -> targetId == 0 && output.isNone();
              case RUN_PREPARED -> block.isNone();
              case RESUME -> true;
              case CANCEL, FORGET -> block.isNone() && status.isNone() && output.isNone();
            };
    if (!fits) {
      throw new ProtocolException(
          ErrorCode.BAD_FLAGS, "a field that " + kind + " does not use is not 0");
    }
    if (batchId == 0) {
      throw new ProtocolException(ErrorCode.UNKNOWN_BATCH, "batch ids are above 0");
    }
    return kind;
  }
}
