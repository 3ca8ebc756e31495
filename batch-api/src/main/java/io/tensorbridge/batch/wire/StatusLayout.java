package io.tensorbridge.batch.wire;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * The status area: progress, one status for each item, and texts.
 *
 * <pre>
 *   0                               8                              16
 *   +-------------------------------+-------------------------------+
 *   | done_bytes                    | total_bytes                   |
 *   +-------------------------------+-------------------------------+
 *  16              20              24                              32
 *   | item_count    | text_length   | text_offset                   |
 *   +---------------+---------------+-------------------------------+
 *  32                              40                              64
 *   | run_nanos                     | reserved                      |
 *   +-------------------------------+-------------------------------+
 *
 *   ItemStatus[item_count]
 *   0               4               8                              16
 *   +---------------+---------------+-------------------------------+
 *   | code          | text_length   | text_offset                   |
 *   +---------------+---------------+-------------------------------+
 *  16                              24                              32                              64
 *   | element_index                 | reserved                      | value                         |
 *   +-------------------------------+-------------------------------+-------------------------------+
 *
 *   texts
 * </pre>
 */
public final class StatusLayout {
  /** The size of the head. */
  public static final int HEADER_BYTES = 64;

  /** The size of one item's status. */
  public static final int ITEM_BYTES = 64;

  /** A status area begins at a multiple of this, and is a multiple of it long. */
  public static final int ALIGNMENT = 64;

  /** The size of an item's small result. */
  public static final int VALUE_BYTES = 32;

  private static final int DONE_BYTES_OFFSET = 0;
  private static final int TOTAL_BYTES_OFFSET = DONE_BYTES_OFFSET + 8;
  private static final int ITEM_COUNT_OFFSET = TOTAL_BYTES_OFFSET + 8;
  private static final int TEXT_LENGTH_OFFSET = ITEM_COUNT_OFFSET + 4;
  private static final int TEXT_OFFSET_OFFSET = TEXT_LENGTH_OFFSET + 4;
  private static final int RUN_NANOS_OFFSET = TEXT_OFFSET_OFFSET + 8;

  private static final int ITEM_CODE_OFFSET = 0;
  private static final int ITEM_TEXT_LENGTH_OFFSET = ITEM_CODE_OFFSET + 4;
  private static final int ITEM_TEXT_OFFSET_OFFSET = ITEM_TEXT_LENGTH_OFFSET + 4;
  private static final int ITEM_ELEMENT_INDEX_OFFSET = ITEM_TEXT_OFFSET_OFFSET + 8;
  private static final int ITEM_RESERVED_OFFSET = ITEM_ELEMENT_INDEX_OFFSET + 8;
  private static final int ITEM_VALUE_OFFSET = ITEM_RESERVED_OFFSET + 8;

  private static final VarHandle PROGRESS =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

  private StatusLayout() {}

  /**
   * The size of an area without room for texts.
   *
   * @param itemCount number of items
   * @return bytes
   */
  public static long byteLength(long itemCount) {
    return itemOffset(0, itemCount);
  }

  /**
   * Where an item's status lies.
   *
   * @param at where the area begins
   * @param item index of the item
   * @return offset in the same segment
   */
  public static long itemOffset(long at, long item) {
    return at + HEADER_BYTES + ITEM_BYTES * item;
  }

  /**
   * Where an item's small result lies.
   *
   * @param at where the area begins
   * @param item index of the item
   * @return offset in the same segment, of {@link #VALUE_BYTES} bytes
   */
  public static long valueOffset(long at, long item) {
    return itemOffset(at, item) + ITEM_VALUE_OFFSET;
  }

  /**
   * Writes the head at the begin of a batch.
   *
   * @param segment where to write
   * @param at where the area begins
   * @param totalBytes work in all
   * @param itemCount number of items
   */
  public static void begin(MemorySegment segment, long at, long totalBytes, int itemCount) {
    LittleEndian.putLong(segment, at + DONE_BYTES_OFFSET, 0);
    LittleEndian.putLong(segment, at + TOTAL_BYTES_OFFSET, totalBytes);
    LittleEndian.putInt(segment, at + ITEM_COUNT_OFFSET, itemCount);
    LittleEndian.putInt(segment, at + TEXT_LENGTH_OFFSET, 0);
    LittleEndian.putLong(segment, at + TEXT_OFFSET_OFFSET, 0);
    for (int i = RUN_NANOS_OFFSET; i < HEADER_BYTES; i += Long.BYTES) {
      LittleEndian.putLong(segment, at + i, 0);
    }
  }

  /**
   * The work done so far.
   *
   * @param segment where the area lies
   * @param at where it begins, a multiple of 8 in memory
   * @return bytes, rising
   */
  public static long doneBytes(MemorySegment segment, long at) {
    return (long) PROGRESS.getOpaque(segment, at + DONE_BYTES_OFFSET);
  }

  /**
   * Tells the work done so far.
   *
   * @param segment where the area lies
   * @param at where it begins, a multiple of 8 in memory
   * @param doneBytes bytes, rising
   */
  public static void storeDoneBytes(MemorySegment segment, long at, long doneBytes) {
    PROGRESS.setOpaque(segment, at + DONE_BYTES_OFFSET, doneBytes);
  }

  /**
   * The work in all.
   *
   * @param segment where the area lies
   * @param at where it begins
   * @return bytes
   */
  public static long totalBytes(MemorySegment segment, long at) {
    return LittleEndian.getLong(segment, at + TOTAL_BYTES_OFFSET);
  }

  /**
   * The number of items.
   *
   * @param segment where the area lies
   * @param at where it begins
   * @return items
   */
  public static long itemCount(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + ITEM_COUNT_OFFSET);
  }

  /**
   * The size of the text that tells why a submission was refused.
   *
   * @param segment where the area lies
   * @param at where it begins
   * @return bytes, 0 for no text
   */
  public static long textLength(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + TEXT_LENGTH_OFFSET);
  }

  /**
   * Where the text lies that tells why a submission was refused.
   *
   * @param segment where the area lies
   * @param at where it begins
   * @return bytes from the start of the area
   */
  public static long textOffset(MemorySegment segment, long at) {
    return LittleEndian.getLong(segment, at + TEXT_OFFSET_OFFSET);
  }

  /**
   * Points to the text that tells why a submission was refused.
   *
   * @param segment where the area lies
   * @param at where it begins
   * @param textOffset bytes from the start of the area
   * @param textLength bytes
   */
  public static void writeText(
      MemorySegment segment, long at, long textOffset, int textLength) {
    LittleEndian.putInt(segment, at + TEXT_LENGTH_OFFSET, textLength);
    LittleEndian.putLong(segment, at + TEXT_OFFSET_OFFSET, textOffset);
  }

  /**
   * How long the items ran.
   *
   * @param segment where the area lies
   * @param at where it begins
   * @return nanoseconds from the start of the first item to the end of the last one
   */
  public static long runNanos(MemorySegment segment, long at) {
    return LittleEndian.getLong(segment, at + RUN_NANOS_OFFSET);
  }

  /**
   * Tells how long the items ran.
   *
   * @param segment where the area lies
   * @param at where it begins
   * @param runNanos nanoseconds from the start of the first item to the end of the last one
   */
  public static void writeRunNanos(MemorySegment segment, long at, long runNanos) {
    LittleEndian.putLong(segment, at + RUN_NANOS_OFFSET, runNanos);
  }

  /**
   * How an item ended.
   *
   * @param segment where the area lies
   * @param item offset of the item's status
   * @return a number of {@link io.tensorbridge.ErrorCode}
   */
  public static int code(MemorySegment segment, long item) {
    return LittleEndian.getInt(segment, item + ITEM_CODE_OFFSET);
  }

  /**
   * The size of an item's text or plan record.
   *
   * @param segment where the area lies
   * @param item offset of the item's status
   * @return bytes, 0 for none
   */
  public static long itemTextLength(MemorySegment segment, long item) {
    return LittleEndian.getSize(segment, item + ITEM_TEXT_LENGTH_OFFSET);
  }

  /**
   * Where an item's text or plan record lies.
   *
   * @param segment where the area lies
   * @param item offset of the item's status
   * @return bytes from the start of the area
   */
  public static long itemTextOffset(MemorySegment segment, long item) {
    return LittleEndian.getLong(segment, item + ITEM_TEXT_OFFSET_OFFSET);
  }

  /**
   * Which element of the item is not acceptable.
   *
   * @param segment where the area lies
   * @param item offset of the item's status
   * @return flat index in C order, or -1; of a plan that did not fit, the bytes that are missing
   */
  public static long elementIndex(MemorySegment segment, long item) {
    return LittleEndian.getLong(segment, item + ITEM_ELEMENT_INDEX_OFFSET);
  }

  /**
   * Writes how an item ended; its small result is left as it is.
   *
   * @param segment where the area lies
   * @param item offset of the item's status
   * @param code a number of {@link io.tensorbridge.ErrorCode}
   * @param elementIndex flat index of the offending element, or -1
   * @param textOffset bytes from the start of the area
   * @param textLength bytes, 0 for no text
   */
  public static void writeItem(
      MemorySegment segment,
      long item,
      int code,
      long elementIndex,
      long textOffset,
      int textLength) {
    LittleEndian.putInt(segment, item + ITEM_CODE_OFFSET, code);
    LittleEndian.putInt(segment, item + ITEM_TEXT_LENGTH_OFFSET, textLength);
    LittleEndian.putLong(segment, item + ITEM_TEXT_OFFSET_OFFSET, textOffset);
    LittleEndian.putLong(segment, item + ITEM_ELEMENT_INDEX_OFFSET, elementIndex);
    LittleEndian.putLong(segment, item + ITEM_RESERVED_OFFSET, 0);
  }

  /**
   * Zeroes the value of an item.
   *
   * @param segment where the structure lies
   * @param item where the item's status begins
   */
  public static void zeroValue(MemorySegment segment, long item) {
    LittleEndian.putLong(segment, item + ITEM_VALUE_OFFSET, 0);
    LittleEndian.putLong(segment, item + ITEM_VALUE_OFFSET + 8, 0);
    LittleEndian.putLong(segment, item + ITEM_VALUE_OFFSET + 16, 0);
    LittleEndian.putLong(segment, item + ITEM_VALUE_OFFSET + 24, 0);
  }
}
