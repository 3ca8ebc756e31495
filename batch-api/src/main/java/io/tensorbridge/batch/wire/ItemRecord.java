package io.tensorbridge.batch.wire;

import java.lang.foreign.MemorySegment;

/**
 * The head of one item in a {@link BatchBlock}; its {@link TensorDescriptor}s follow, inputs first.
 *
 * <pre>
 *    0               4       6       8               12              16
 *    +---------------+-------+-------+---------------+---------------+----------------------
 *    | record_length |inputs |outputs| option_set    | item_index    | TensorDescriptor ...
 *    +---------------+-------+-------+---------------+---------------+----------------------
 * </pre>
 */
public final class ItemRecord {
  /** The size of the structure. */
  public static final int BYTES = 16;

  private static final int RECORD_LENGTH_OFFSET = 0;
  private static final int INPUT_COUNT_OFFSET = RECORD_LENGTH_OFFSET + 4;
  private static final int OUTPUT_COUNT_OFFSET = INPUT_COUNT_OFFSET + 2;
  private static final int OPTION_SET_OFFSET = OUTPUT_COUNT_OFFSET + 2;
  private static final int ITEM_INDEX_OFFSET = OPTION_SET_OFFSET + 4;

  private ItemRecord() {}

  /**
   * The size of the record.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return bytes, descriptors included
   */
  public static long recordLength(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + RECORD_LENGTH_OFFSET);
  }

  /**
   * The number of inputs.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return descriptors
   */
  public static int inputCount(MemorySegment segment, long at) {
    return LittleEndian.getShort(segment, at + INPUT_COUNT_OFFSET);
  }

  /**
   * The number of outputs.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return descriptors
   */
  public static int outputCount(MemorySegment segment, long at) {
    return LittleEndian.getShort(segment, at + OUTPUT_COUNT_OFFSET);
  }

  /**
   * The item's options.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return index of an option set
   */
  public static long optionSet(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + OPTION_SET_OFFSET);
  }

  /**
   * Which waiting item goes on.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return 0 except in RESUME
   */
  public static long itemIndex(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + ITEM_INDEX_OFFSET);
  }

  /**
   * Writes the head of a record.
   *
   * @param segment where to write
   * @param at where the record begins
   * @param recordLength bytes, descriptors included
   * @param inputCount number of inputs
   * @param outputCount number of outputs
   * @param optionSet index of an option set
   * @param itemIndex which waiting item goes on; 0 except in RESUME
   */
  public static void write(
      MemorySegment segment,
      long at,
      long recordLength,
      int inputCount,
      int outputCount,
      int optionSet,
      int itemIndex) {
    LittleEndian.putInt(segment, at + RECORD_LENGTH_OFFSET, (int) recordLength);
    LittleEndian.putShort(segment, at + INPUT_COUNT_OFFSET, inputCount);
    LittleEndian.putShort(segment, at + OUTPUT_COUNT_OFFSET, outputCount);
    LittleEndian.putInt(segment, at + OPTION_SET_OFFSET, optionSet);
    LittleEndian.putInt(segment, at + ITEM_INDEX_OFFSET, itemIndex);
  }

  /**
   * A number that tells records apart, mostly.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @param words the record's length in units of 8 bytes
   * @param multiplier an odd number that the record's writer does not know
   * @return a hash of all bytes of the record
   */
  public static int hash(MemorySegment segment, long at, int words, long multiplier) {
    long hash = words;
    for (int i = 0; i < words; i++) {
      hash = (hash ^ LittleEndian.getLong(segment, at + 8L * i)) * multiplier;
      hash ^= hash >>> 32;
    }
    return (int) hash;
  }

  /**
   * A record's bytes.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @param words the record's length in units of 8 bytes
   * @return a copy
   */
  public static long[] words(MemorySegment segment, long at, int words) {
    long[] copy = new long[words];
    for (int i = 0; i < words; i++) {
      copy[i] = LittleEndian.getLong(segment, at + 8L * i);
    }
    return copy;
  }

  /**
   * Compares a record's bytes.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @param words of {@link #words}; the record is not shorter
   * @return whether the record begins with them
   */
  public static boolean matches(MemorySegment segment, long at, long[] words) {
    long difference = 0;
    for (int i = 0; i < words.length; i++) {
      difference |= words[i] ^ LittleEndian.getLong(segment, at + 8L * i);
    }
    return difference == 0;
  }
}
