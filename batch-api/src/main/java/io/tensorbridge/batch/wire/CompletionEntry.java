package io.tensorbridge.batch.wire;

import java.lang.foreign.MemorySegment;

/**
 * The end of one submission in the completion ring.
 *
 * <pre>
 *    0                               8               12              16
 *    +-------------------------------+---------------+---------------+
 *    | batch_id                      | code          | failed_items  |
 *    +-------------------------------+---------------+---------------+
 *   16              20              24                              32
 *    | waiting_items | reserved      | reserved                      |
 *    +---------------+---------------+-------------------------------+
 * </pre>
 */
public final class CompletionEntry {
  /** The size of the structure. */
  public static final int BYTES = 32;

  private static final int BATCH_ID_OFFSET = 0;
  private static final int CODE_OFFSET = BATCH_ID_OFFSET + 8;
  private static final int FAILED_ITEMS_OFFSET = CODE_OFFSET + 4;
  private static final int WAITING_ITEMS_OFFSET = FAILED_ITEMS_OFFSET + 4;
  private static final int RESERVED_OFFSET = WAITING_ITEMS_OFFSET + 4;
  private static final int TAIL_OFFSET = RESERVED_OFFSET + 4;

  private CompletionEntry() {}

  /**
   * The submission's number.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return as submitted
   */
  public static long batchId(MemorySegment segment, long at) {
    return LittleEndian.getLong(segment, at + BATCH_ID_OFFSET);
  }

  /**
   * Whether the submission was accepted.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return a number of {@link io.tensorbridge.ErrorCode}; OK if the items ran, whatever became of them
   */
  public static int code(MemorySegment segment, long at) {
    return LittleEndian.getInt(segment, at + CODE_OFFSET);
  }

  /**
   * The items that failed.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return items with a code other than OK and NEEDS_SPACE
   */
  public static long failedItems(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + FAILED_ITEMS_OFFSET);
  }

  /**
   * The items in NEEDS_SPACE.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return items that wait for RESUME
   */
  public static long waitingItems(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + WAITING_ITEMS_OFFSET);
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
   * Writes a completion.
   *
   * @param segment where to write
   * @param at where the structure begins
   * @param batchId as submitted
   * @param code a number of {@link io.tensorbridge.ErrorCode}
   * @param failedItems items that failed
   * @param waitingItems items in NEEDS_SPACE
   */
  public static void write(
      MemorySegment segment, long at, long batchId, int code, int failedItems, int waitingItems) {
    LittleEndian.putLong(segment, at + BATCH_ID_OFFSET, batchId);
    LittleEndian.putInt(segment, at + CODE_OFFSET, code);
    LittleEndian.putInt(segment, at + FAILED_ITEMS_OFFSET, failedItems);
    LittleEndian.putInt(segment, at + WAITING_ITEMS_OFFSET, waitingItems);
    LittleEndian.putInt(segment, at + RESERVED_OFFSET, 0);
    LittleEndian.putLong(segment, at + TAIL_OFFSET, 0);
  }
}
