package io.tensorbridge.batch.wire;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;

/** What a submission asks for ({@code spec/ring.md}). */
public enum SubmissionKind {
  /** Runs the items of a block. */
  RUN(1),
  /** Asks what the outputs of a block's items will be. */
  PLAN(2),
  /** Validates a block once, to be run many times. */
  PREPARE(3),
  /** Runs a prepared batch. */
  RUN_PREPARED(4),
  /** Gives waiting items their outputs, and lets them go on. */
  RESUME(5),
  /** Asks a batch in flight to end soon. */
  CANCEL(6),
  /** Releases a prepared batch, or one with waiting items. */
  FORGET(7);

  private static final SubmissionKind[] KINDS = values();

  private final int code;

  SubmissionKind(int code) {
    this.code = code;
  }

  /**
   * The number on the wire.
   *
   * @return 1 to 7
   */
  public int code() {
    return code;
  }

  /**
   * The kind with a wire code.
   *
   * @param code a number read from the wire
   * @return the kind
   * @throws ProtocolException {@link ErrorCode#UNKNOWN_MESSAGE} if the code is unknown
   */
  public static SubmissionKind ofCode(int code) {
    if (code < 1 || code > KINDS.length) {
      throw new ProtocolException(
          ErrorCode.UNKNOWN_MESSAGE, "submission kind " + code + " is unknown; known are 1 to 7");
    }
    return KINDS[code - 1];
  }
}
