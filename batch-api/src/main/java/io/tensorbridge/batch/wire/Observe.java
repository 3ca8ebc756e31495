package io.tensorbridge.batch.wire;

import java.lang.foreign.MemorySegment;

/**
 * A request for what a server does, one page of it; the only one that needs no {@link Hello} before
 * it. The answer is an {@link Observation}.
 *
 * <pre>
 *   16                              24                              32
 *    +-------------------------------+-------------------------------+
 *    | after_client                  | reserved                      |
 *    +-------------------------------+-------------------------------+
 * </pre>
 */
public final class Observe {
  /** The size of the structure. */
  public static final int BYTES = 32;

  private static final int AFTER_CLIENT_OFFSET = MessageHeader.BYTES;
  private static final int RESERVED_OFFSET = AFTER_CLIENT_OFFSET + 8;

  private Observe() {}

  /**
   * Where the page begins: clients that were told before have lower ids.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return 0 for the first page, else the last id of the page before
   */
  public static long afterClient(MemorySegment segment, long at) {
    return LittleEndian.getLong(segment, at + AFTER_CLIENT_OFFSET);
  }

  /**
   * A field without meaning yet.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return 0
   */
  public static long reserved(MemorySegment segment, long at) {
    return LittleEndian.getLong(segment, at + RESERVED_OFFSET);
  }

  /**
   * Writes a whole message.
   *
   * @param segment where to write
   * @param at where the message begins
   * @param requestId above 0
   * @param afterClient 0 for the first page, else the last id of the page before
   */
  public static void write(MemorySegment segment, long at, int requestId, long afterClient) {
    MessageHeader.write(segment, at, MessageType.OBSERVE, requestId, BYTES);
    LittleEndian.putLong(segment, at + AFTER_CLIENT_OFFSET, afterClient);
    LittleEndian.putLong(segment, at + RESERVED_OFFSET, 0);
  }
}
