package io.tensorbridge.batch;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.batch.wire.SubmissionEntry;
import io.tensorbridge.batch.wire.SubmissionKind;
import java.lang.foreign.MemorySegment;

/** A submission as a client wrote it, read once. */
record Submission(
    long batchId,
    int kindCode,
    boolean reservedIsZero,
    long targetId,
    long timeoutNanos,
    SpanRef block,
    SpanRef status,
    SpanRef output) {

  static Submission read(MemorySegment entry) {
    return new Submission(
        SubmissionEntry.batchId(entry, 0),
        SubmissionEntry.kind(entry, 0),
        SubmissionEntry.reservedIsZero(entry, 0),
        SubmissionEntry.targetId(entry, 0),
        SubmissionEntry.timeoutNanos(entry, 0),
        SpanRef.read(entry, SubmissionEntry.blockOffset(0)),
        SpanRef.read(entry, SubmissionEntry.statusOffset(0)),
        SpanRef.read(entry, SubmissionEntry.outputOffset(0)));
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
