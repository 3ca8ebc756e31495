package io.tensorbridge.batch.wire;

import java.lang.foreign.MemorySegment;

/**
 * The first message of a client; control region, server doorbell, client doorbell and pidfd
 * travel with it.
 *
 * <pre>
 *   16      18      20              24                              32              36              40
 *    +-------+-------+---------------+-------------------------------+---------------+---------------+
 *    | major | minor | ring_entries  | control_length                | pid           | reserved      |
 *    +-------+-------+---------------+-------------------------------+---------------+---------------+
 * </pre>
 */
public final class Hello {
  /** The size of the structure. */
  public static final int BYTES = 40;

  /** How many descriptors travel with the message. */
  public static final int DESCRIPTORS = 4;

  private static final int MAJOR_OFFSET = MessageHeader.BYTES;
  private static final int MINOR_OFFSET = MAJOR_OFFSET + 2;
  private static final int RING_ENTRIES_OFFSET = MINOR_OFFSET + 2;
  private static final int CONTROL_LENGTH_OFFSET = RING_ENTRIES_OFFSET + 4;
  private static final int PID_OFFSET = CONTROL_LENGTH_OFFSET + 8;
  private static final int RESERVED_OFFSET = PID_OFFSET + 4;

  private Hello() {}

  /**
   * The version that the client speaks.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return the major number
   */
  public static int major(MemorySegment segment, long at) {
    return LittleEndian.getShort(segment, at + MAJOR_OFFSET);
  }

  /**
   * The additions that the client knows.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return the minor number
   */
  public static int minor(MemorySegment segment, long at) {
    return LittleEndian.getShort(segment, at + MINOR_OFFSET);
  }

  /**
   * The size of both rings.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return entries
   */
  public static long ringEntries(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + RING_ENTRIES_OFFSET);
  }

  /**
   * The size of the control region.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return bytes
   */
  public static long controlLength(MemorySegment segment, long at) {
    return LittleEndian.getLong(segment, at + CONTROL_LENGTH_OFFSET);
  }

  /**
   * The client's process, as it sees itself.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return 0 if unknown
   */
  public static int pid(MemorySegment segment, long at) {
    return LittleEndian.getInt(segment, at + PID_OFFSET);
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
   * Writes a whole message of this version.
   *
   * @param segment where to write
   * @param at where the message begins
   * @param requestId above 0
   * @param ringEntries a power of 2, {@link ControlLayout#MIN_ENTRIES} to {@link
   *     ControlLayout#MAX_ENTRIES}
   * @param controlLength bytes of the control region
   * @param pid the client's process, or 0
   */
  public static void write(
      MemorySegment segment,
      long at,
      int requestId,
      int ringEntries,
      long controlLength,
      int pid) {
    MessageHeader.write(segment, at, MessageType.HELLO, requestId, BYTES);
    LittleEndian.putShort(segment, at + MAJOR_OFFSET, WireVersion.MAJOR);
    LittleEndian.putShort(segment, at + MINOR_OFFSET, WireVersion.MINOR);
    LittleEndian.putInt(segment, at + RING_ENTRIES_OFFSET, ringEntries);
    LittleEndian.putLong(segment, at + CONTROL_LENGTH_OFFSET, controlLength);
    LittleEndian.putInt(segment, at + PID_OFFSET, pid);
    LittleEndian.putInt(segment, at + RESERVED_OFFSET, 0);
  }
}
