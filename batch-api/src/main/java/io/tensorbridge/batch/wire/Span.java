package io.tensorbridge.batch.wire;

import java.lang.foreign.MemorySegment;

/**
 * A piece of a region.
 *
 * <pre>
 *    0               4               8                              16                              24
 *    +---------------+---------------+-------------------------------+-------------------------------+
 *    | region        | generation    | byte_offset                   | byte_length                   |
 *    +---------------+---------------+-------------------------------+-------------------------------+
 * </pre>
 */
public final class Span {
  /** The size of the structure. */
  public static final int BYTES = 24;

  private static final int REGION_OFFSET = 0;
  private static final int GENERATION_OFFSET = REGION_OFFSET + 4;
  private static final int BYTE_OFFSET_OFFSET = GENERATION_OFFSET + 4;
  private static final int BYTE_LENGTH_OFFSET = BYTE_OFFSET_OFFSET + 8;

  private Span() {}

  /**
   * The region's id.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return 0 in a span that is not used
   */
  public static int region(MemorySegment segment, long at) {
    return LittleEndian.getInt(segment, at + REGION_OFFSET);
  }

  /**
   * The region's generation.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return as registered
   */
  public static int generation(MemorySegment segment, long at) {
    return LittleEndian.getInt(segment, at + GENERATION_OFFSET);
  }

  /**
   * Where the span begins in the region.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return bytes
   */
  public static long byteOffset(MemorySegment segment, long at) {
    return LittleEndian.getLong(segment, at + BYTE_OFFSET_OFFSET);
  }

  /**
   * The size of the span.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return bytes
   */
  public static long byteLength(MemorySegment segment, long at) {
    return LittleEndian.getLong(segment, at + BYTE_LENGTH_OFFSET);
  }

  /**
   * Writes a span.
   *
   * @param segment where to write
   * @param at where the structure begins
   * @param region the region's id
   * @param generation the region's generation
   * @param byteOffset where the span begins in the region
   * @param byteLength the span's size
   */
  public static void write(
      MemorySegment segment,
      long at,
      int region,
      int generation,
      long byteOffset,
      long byteLength) {
    LittleEndian.putInt(segment, at + REGION_OFFSET, region);
    LittleEndian.putInt(segment, at + GENERATION_OFFSET, generation);
    LittleEndian.putLong(segment, at + BYTE_OFFSET_OFFSET, byteOffset);
    LittleEndian.putLong(segment, at + BYTE_LENGTH_OFFSET, byteLength);
  }

  /**
   * Whether every field is 0.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return true for a span that is not used
   */
  public static boolean isZero(MemorySegment segment, long at) {
    return region(segment, at) == 0
        && generation(segment, at) == 0
        && byteOffset(segment, at) == 0
        && byteLength(segment, at) == 0;
  }
}
