package io.tensorbridge.batch.wire;

import java.lang.foreign.MemorySegment;

/**
 * The head of a batch block: one operation, its option sets and its items.
 *
 * <pre>
 *    0               4       6       8                              16
 *    +---------------+-------+-------+-------------------------------+
 *    | magic "TBBK"  | major | minor | block_length                  |
 *    +---------------+-------+-------+-------------------------------+
 *   16              20              24              28              32
 *    | item_count    | flags         | threads       | option_sets   |
 *    +---------------+---------------+---------------+---------------+
 *   32              36              40              44              48
 *    | op_offset     | op_length     | sets_offset   | items_offset  |
 *    +---------------+---------------+---------------+---------------+
 *   48              52              56              60              64
 *    | items_length  | names_offset  | names_length  | reserved      |
 *    +---------------+---------------+---------------+---------------+
 * </pre>
 */
public final class BatchBlock {
  /** The size of the structure. */
  public static final int BYTES = 64;

  /** The bytes "TBBK". */
  public static final int MAGIC = 0x4B424254;

  /** Flag: a failed item leaves the others running. */
  public static final int CONTINUE_ON_ERROR = 1;

  /** The size of an entry in the table of option sets. */
  public static final int OPTION_SET_BYTES = 8;

  private static final int MAGIC_OFFSET = 0;
  private static final int MAJOR_OFFSET = MAGIC_OFFSET + 4;
  private static final int MINOR_OFFSET = MAJOR_OFFSET + 2;
  private static final int BLOCK_LENGTH_OFFSET = MINOR_OFFSET + 2;
  private static final int ITEM_COUNT_OFFSET = BLOCK_LENGTH_OFFSET + 8;
  private static final int FLAGS_OFFSET = ITEM_COUNT_OFFSET + 4;
  private static final int THREADS_OFFSET = FLAGS_OFFSET + 4;
  private static final int OPTION_SET_COUNT_OFFSET = THREADS_OFFSET + 4;
  private static final int OPERATION_OFFSET_OFFSET = OPTION_SET_COUNT_OFFSET + 4;
  private static final int OPERATION_LENGTH_OFFSET = OPERATION_OFFSET_OFFSET + 4;
  private static final int OPTION_SETS_OFFSET_OFFSET = OPERATION_LENGTH_OFFSET + 4;
  private static final int ITEMS_OFFSET_OFFSET = OPTION_SETS_OFFSET_OFFSET + 4;
  private static final int ITEMS_LENGTH_OFFSET = ITEMS_OFFSET_OFFSET + 4;
  private static final int NAMES_OFFSET_OFFSET = ITEMS_LENGTH_OFFSET + 4;
  private static final int NAMES_LENGTH_OFFSET = NAMES_OFFSET_OFFSET + 4;
  private static final int RESERVED_OFFSET = NAMES_LENGTH_OFFSET + 4;

  private BatchBlock() {}

  /**
   * What marks a block.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return {@link #MAGIC} if it is one
   */
  public static int magic(MemorySegment segment, long at) {
    return LittleEndian.getInt(segment, at + MAGIC_OFFSET);
  }

  /**
   * The version of the block.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return the major number
   */
  public static int major(MemorySegment segment, long at) {
    return LittleEndian.getShort(segment, at + MAJOR_OFFSET);
  }

  /**
   * The additions that the block may use.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return the minor number
   */
  public static int minor(MemorySegment segment, long at) {
    return LittleEndian.getShort(segment, at + MINOR_OFFSET);
  }

  /**
   * The size of the whole block.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return bytes
   */
  public static long blockLength(MemorySegment segment, long at) {
    return LittleEndian.getLong(segment, at + BLOCK_LENGTH_OFFSET);
  }

  /**
   * The number of items.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return 0 for an empty batch
   */
  public static long itemCount(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + ITEM_COUNT_OFFSET);
  }

  /**
   * How the batch is run.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return {@link #CONTINUE_ON_ERROR} or 0
   */
  public static int flags(MemorySegment segment, long at) {
    return LittleEndian.getInt(segment, at + FLAGS_OFFSET);
  }

  /**
   * How many workers may work at once.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return 0 for all
   */
  public static long threads(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + THREADS_OFFSET);
  }

  /**
   * The number of option sets.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return at least 1 if there are items
   */
  public static long optionSetCount(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + OPTION_SET_COUNT_OFFSET);
  }

  /**
   * Where the operation's name lies.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return bytes from the block's start
   */
  public static long operationOffset(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + OPERATION_OFFSET_OFFSET);
  }

  /**
   * The size of the operation's name.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return bytes
   */
  public static long operationLength(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + OPERATION_LENGTH_OFFSET);
  }

  /**
   * Where the table of option sets lies.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return bytes from the block's start
   */
  public static long optionSetsOffset(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + OPTION_SETS_OFFSET_OFFSET);
  }

  /**
   * Where the first {@link ItemRecord} lies.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return bytes from the block's start
   */
  public static long itemsOffset(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + ITEMS_OFFSET_OFFSET);
  }

  /**
   * The size of all item records.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return bytes
   */
  public static long itemsLength(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + ITEMS_LENGTH_OFFSET);
  }

  /**
   * Where the names of the items lie.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return bytes from the block's start
   */
  public static long namesOffset(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + NAMES_OFFSET_OFFSET);
  }

  /**
   * The size of the names with the zero bytes between them.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return 0 if the items have no names
   */
  public static long namesLength(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + NAMES_LENGTH_OFFSET);
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
   * Where the text of an option set lies.
   *
   * @param segment where the block lies
   * @param at where it begins
   * @param index of the option set
   * @return bytes from the block's start
   */
  public static long optionTextOffset(MemorySegment segment, long at, long index) {
    return LittleEndian.getSize(segment, optionSetAt(segment, at, index));
  }

  /**
   * The size of the text of an option set.
   *
   * @param segment where the block lies
   * @param at where it begins
   * @param index of the option set
   * @return bytes
   */
  public static long optionTextLength(MemorySegment segment, long at, long index) {
    return LittleEndian.getSize(segment, optionSetAt(segment, at, index) + Integer.BYTES);
  }

  private static long optionSetAt(MemorySegment segment, long at, long index) {
    return at + optionSetsOffset(segment, at) + index * OPTION_SET_BYTES;
  }

  /**
   * Writes an entry of the table of option sets; the head must have been written.
   *
   * @param segment where to write
   * @param at where the block begins
   * @param index of the option set
   * @param textOffset bytes from the block's start
   * @param textLength bytes
   */
  public static void writeOptionSet(
      MemorySegment segment, long at, long index, long textOffset, long textLength) {
    long entry = optionSetAt(segment, at, index);
    LittleEndian.putInt(segment, entry, (int) textOffset);
    LittleEndian.putInt(segment, entry + Integer.BYTES, (int) textLength);
  }

  /**
   * Writes the head of a block.
   *
   * @param segment where to write
   * @param at where the block begins
   * @param head what to write
   */
  public static void write(MemorySegment segment, long at, Head head) {
    LittleEndian.putInt(segment, at + MAGIC_OFFSET, MAGIC);
    LittleEndian.putShort(segment, at + MAJOR_OFFSET, WireVersion.MAJOR);
    LittleEndian.putShort(segment, at + MINOR_OFFSET, WireVersion.MINOR);
    LittleEndian.putLong(segment, at + BLOCK_LENGTH_OFFSET, head.blockLength());
    LittleEndian.putInt(segment, at + ITEM_COUNT_OFFSET, head.itemCount());
    LittleEndian.putInt(segment, at + FLAGS_OFFSET, head.flags());
    LittleEndian.putInt(segment, at + THREADS_OFFSET, head.threads());
    LittleEndian.putInt(segment, at + OPTION_SET_COUNT_OFFSET, head.optionSetCount());
    LittleEndian.putInt(segment, at + OPERATION_OFFSET_OFFSET, (int) head.operationOffset());
    LittleEndian.putInt(segment, at + OPERATION_LENGTH_OFFSET, (int) head.operationLength());
    LittleEndian.putInt(segment, at + OPTION_SETS_OFFSET_OFFSET, (int) head.optionSetsOffset());
    LittleEndian.putInt(segment, at + ITEMS_OFFSET_OFFSET, (int) head.itemsOffset());
    LittleEndian.putInt(segment, at + ITEMS_LENGTH_OFFSET, (int) head.itemsLength());
    LittleEndian.putInt(segment, at + NAMES_OFFSET_OFFSET, (int) head.namesOffset());
    LittleEndian.putInt(segment, at + NAMES_LENGTH_OFFSET, (int) head.namesLength());
    LittleEndian.putInt(segment, at + RESERVED_OFFSET, 0);
  }

  /**
   * The fields of a block's head, as {@link #write} takes them; offsets count from the block's start.
   *
   * @param blockLength bytes of the whole block
   * @param itemCount number of items
   * @param flags {@link #CONTINUE_ON_ERROR} or 0
   * @param threads workers at once, 0 for all
   * @param optionSetCount number of option sets
   * @param operationOffset where the operation's name lies
   * @param operationLength its bytes
   * @param optionSetsOffset where the table of option sets lies, a multiple of 8
   * @param itemsOffset where the item records lie, a multiple of 8
   * @param itemsLength their bytes
   * @param namesOffset where the names lie
   * @param namesLength their bytes, 0 for none
   */
  public record Head(
      long blockLength,
      int itemCount,
      int flags,
      int threads,
      int optionSetCount,
      long operationOffset,
      long operationLength,
      long optionSetsOffset,
      long itemsOffset,
      long itemsLength,
      long namesOffset,
      long namesLength) {}
}
