package io.tensorbridge.batch.wire;

import java.lang.foreign.MemorySegment;

/**
 * A client's request to map a region; its descriptor travels with it.
 *
 * <pre>
 *   16              20              24              28              32                              40
 *    +---------------+---------------+---------------+---------------+-------------------------------+
 *    | region        | generation    | access        | reserved      | byte_length                   |
 *    +---------------+---------------+---------------+---------------+-------------------------------+
 * </pre>
 */
public final class Register {
  /** The size of the structure. */
  public static final int BYTES = 40;

  private static final int REGION_OFFSET = MessageHeader.BYTES;
  private static final int GENERATION_OFFSET = REGION_OFFSET + 4;
  private static final int ACCESS_OFFSET = GENERATION_OFFSET + 4;
  private static final int RESERVED_OFFSET = ACCESS_OFFSET + 4;
  private static final int BYTE_LENGTH_OFFSET = RESERVED_OFFSET + 4;

  private Register() {}

  /**
   * The id that the client gives the region.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return 1 to 0xFFFFFFFE
   */
  public static int region(MemorySegment segment, long at) {
    return LittleEndian.getInt(segment, at + REGION_OFFSET);
  }

  /**
   * What tells apart regions of the same id.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return above 0
   */
  public static int generation(MemorySegment segment, long at) {
    return LittleEndian.getInt(segment, at + GENERATION_OFFSET);
  }

  /**
   * What the server may do with the region.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return a code of {@link RegionAccess}
   */
  public static int access(MemorySegment segment, long at) {
    return LittleEndian.getInt(segment, at + ACCESS_OFFSET);
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
   * The size of the region.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return bytes
   */
  public static long byteLength(MemorySegment segment, long at) {
    return LittleEndian.getLong(segment, at + BYTE_LENGTH_OFFSET);
  }

  /**
   * Writes a whole message.
   *
   * @param segment where to write
   * @param at where the message begins
   * @param requestId above 0
   * @param region the region's id
   * @param generation the region's generation
   * @param access what the server may do with it
   * @param byteLength its size
   */
  public static void write(
      MemorySegment segment,
      long at,
      int requestId,
      int region,
      int generation,
      RegionAccess access,
      long byteLength) {
    MessageHeader.write(segment, at, MessageType.REGISTER, requestId, BYTES);
    LittleEndian.putInt(segment, at + REGION_OFFSET, region);
    LittleEndian.putInt(segment, at + GENERATION_OFFSET, generation);
    LittleEndian.putInt(segment, at + ACCESS_OFFSET, access.code());
    LittleEndian.putInt(segment, at + RESERVED_OFFSET, 0);
    LittleEndian.putLong(segment, at + BYTE_LENGTH_OFFSET, byteLength);
  }
}
