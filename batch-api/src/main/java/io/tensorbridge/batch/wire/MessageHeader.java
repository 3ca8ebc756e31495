package io.tensorbridge.batch.wire;

import java.lang.foreign.MemorySegment;

/**
 * The head of every message on the socket.
 *
 * <pre>
 *    0               4       6        8               12              16
 *    +---------------+-------+--------+---------------+---------------+
 *    | magic "TBMG"  | type  |reserved| request_id    | length        |
 *    +---------------+-------+--------+---------------+---------------+
 * </pre>
 */
public final class MessageHeader {
  /** The size of the structure. */
  public static final int BYTES = 16;

  /** The most bytes that a message may have. */
  public static final int MAX_MESSAGE_BYTES = 65_536;

  /** The bytes "TBMG". */
  public static final int MAGIC = 0x474D4254;

  private static final int MAGIC_OFFSET = 0;
  private static final int TYPE_OFFSET = MAGIC_OFFSET + 4;
  private static final int RESERVED_OFFSET = TYPE_OFFSET + 2;
  private static final int REQUEST_ID_OFFSET = RESERVED_OFFSET + 2;
  private static final int LENGTH_OFFSET = REQUEST_ID_OFFSET + 4;

  private MessageHeader() {}

  /**
   * What marks a message.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return {@link #MAGIC} if it is one
   */
  public static int magic(MemorySegment segment, long at) {
    return LittleEndian.getInt(segment, at + MAGIC_OFFSET);
  }

  /**
   * The message's type.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return a code of {@link MessageType}
   */
  public static int type(MemorySegment segment, long at) {
    return LittleEndian.getShort(segment, at + TYPE_OFFSET);
  }

  /**
   * A field without meaning yet.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return 0
   */
  public static int reserved(MemorySegment segment, long at) {
    return LittleEndian.getShort(segment, at + RESERVED_OFFSET);
  }

  /**
   * The number that a request and its answer share.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return 0 for the last words of a server
   */
  public static int requestId(MemorySegment segment, long at) {
    return LittleEndian.getInt(segment, at + REQUEST_ID_OFFSET);
  }

  /**
   * The size of the whole message.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return bytes, this header included
   */
  public static long length(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + LENGTH_OFFSET);
  }

  /**
   * Writes a header.
   *
   * @param segment where to write
   * @param at where the message begins
   * @param type what the message is
   * @param requestId the number that request and answer share
   * @param length bytes of the whole message
   */
  public static void write(
      MemorySegment segment, long at, MessageType type, int requestId, int length) {
    LittleEndian.putInt(segment, at + MAGIC_OFFSET, MAGIC);
    LittleEndian.putShort(segment, at + TYPE_OFFSET, type.code());
    LittleEndian.putShort(segment, at + RESERVED_OFFSET, 0);
    LittleEndian.putInt(segment, at + REQUEST_ID_OFFSET, requestId);
    LittleEndian.putInt(segment, at + LENGTH_OFFSET, length);
  }
}
