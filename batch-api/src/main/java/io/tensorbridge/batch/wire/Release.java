package io.tensorbridge.batch.wire;

import java.lang.foreign.MemorySegment;

/**
 * A client's request to unmap a region; answered when its last batch has ended.
 *
 * <pre>
 *   16              20              24
 *    +---------------+---------------+
 *    | region        | generation    |
 *    +---------------+---------------+
 * </pre>
 */
public final class Release {
  /** The size of the structure. */
  public static final int BYTES = 24;

  private static final int REGION_OFFSET = MessageHeader.BYTES;
  private static final int GENERATION_OFFSET = REGION_OFFSET + 4;

  private Release() {}

  /**
   * The region's id.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return as registered
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
   * Writes a whole message.
   *
   * @param segment where to write
   * @param at where the message begins
   * @param requestId above 0
   * @param region the region's id
   * @param generation the region's generation
   */
  public static void write(
      MemorySegment segment, long at, int requestId, int region, int generation) {
    MessageHeader.write(segment, at, MessageType.RELEASE, requestId, BYTES);
    LittleEndian.putInt(segment, at + REGION_OFFSET, region);
    LittleEndian.putInt(segment, at + GENERATION_OFFSET, generation);
  }
}
