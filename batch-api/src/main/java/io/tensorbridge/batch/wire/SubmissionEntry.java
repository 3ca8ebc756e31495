package io.tensorbridge.batch.wire;

import java.lang.foreign.MemorySegment;

/**
 * One request in the submission ring.
 *
 * <pre>
 *    0                               8               12              16
 *    +-------------------------------+---------------+---------------+
 *    | batch_id                      | kind          | reserved      |
 *    +-------------------------------+---------------+---------------+
 *   16                              24                              32
 *    | target_id                     | timeout_nanos                 |
 *    +-------------------------------+-------------------------------+
 *   32                  56                  80                  104                 128
 *    | block: Span       | status: Span      | output: Span      | reserved          |
 *    +-------------------+-------------------+-------------------+-------------------+
 * </pre>
 */
public final class SubmissionEntry {
  /** The size of the structure. */
  public static final int BYTES = 128;

  private static final int BATCH_ID_OFFSET = 0;
  private static final int KIND_OFFSET = BATCH_ID_OFFSET + 8;
  private static final int RESERVED_OFFSET = KIND_OFFSET + 4;
  private static final int TARGET_ID_OFFSET = RESERVED_OFFSET + 4;
  private static final int TIMEOUT_NANOS_OFFSET = TARGET_ID_OFFSET + 8;
  private static final int BLOCK_OFFSET = TIMEOUT_NANOS_OFFSET + 8;
  private static final int STATUS_OFFSET = BLOCK_OFFSET + Span.BYTES;
  private static final int OUTPUT_OFFSET = STATUS_OFFSET + Span.BYTES;
  private static final int TAIL_OFFSET = OUTPUT_OFFSET + Span.BYTES;

  private SubmissionEntry() {}

  /**
   * The number by which the client knows the batch.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return above 0
   */
  public static long batchId(MemorySegment segment, long at) {
    return LittleEndian.getLong(segment, at + BATCH_ID_OFFSET);
  }

  /**
   * What is asked for.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return a code of {@link SubmissionKind}
   */
  public static int kind(MemorySegment segment, long at) {
    return LittleEndian.getInt(segment, at + KIND_OFFSET);
  }

  /**
   * A field without meaning yet.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return 0
   */
  public static int reserved(MemorySegment segment, long at) {
    return LittleEndian.getInt(segment, at + RESERVED_OFFSET);
  }

  /**
   * The batch that the request is about.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return 0 if it is about none
   */
  public static long targetId(MemorySegment segment, long at) {
    return LittleEndian.getLong(segment, at + TARGET_ID_OFFSET);
  }

  /**
   * How long the batch may take.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return nanoseconds; 0 for any time
   */
  public static long timeoutNanos(MemorySegment segment, long at) {
    return LittleEndian.getLong(segment, at + TIMEOUT_NANOS_OFFSET);
  }

  /**
   * Where the span of the {@link BatchBlock} lies.
   *
   * @param at where the structure begins
   * @return offset of a {@link Span}
   */
  public static long blockOffset(long at) {
    return at + BLOCK_OFFSET;
  }

  /**
   * Where the span of the {@linkplain StatusLayout status area} lies.
   *
   * @param at where the structure begins
   * @return offset of a {@link Span}
   */
  public static long statusOffset(long at) {
    return at + STATUS_OFFSET;
  }

  /**
   * Where the span of relative outputs lies.
   *
   * @param at where the structure begins
   * @return offset of a {@link Span}
   */
  public static long outputOffset(long at) {
    return at + OUTPUT_OFFSET;
  }

  /**
   * Whether all fields without meaning are 0.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return false if a newer client means something by them
   */
  public static boolean reservedIsZero(MemorySegment segment, long at) {
    return reserved(segment, at) == 0
        && LittleEndian.getLong(segment, at + TAIL_OFFSET) == 0
        && LittleEndian.getLong(segment, at + TAIL_OFFSET + 8) == 0
        && LittleEndian.getLong(segment, at + TAIL_OFFSET + 16) == 0;
  }

  /**
   * Writes a submission without spans; write those with {@link Span#write} afterwards.
   *
   * @param segment where to write
   * @param at where the structure begins
   * @param batchId above 0
   * @param kind what is asked for
   * @param targetId the batch that it is about, or 0
   * @param timeoutNanos how long it may take, or 0
   */
  public static void write(
      MemorySegment segment,
      long at,
      long batchId,
      SubmissionKind kind,
      long targetId,
      long timeoutNanos) {
    segment.asSlice(at, BYTES).fill((byte) 0);
    LittleEndian.putLong(segment, at + BATCH_ID_OFFSET, batchId);
    LittleEndian.putInt(segment, at + KIND_OFFSET, kind.code());
    LittleEndian.putLong(segment, at + TARGET_ID_OFFSET, targetId);
    LittleEndian.putLong(segment, at + TIMEOUT_NANOS_OFFSET, timeoutNanos);
  }
}
