package io.tensorbridge.batch.wire;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import java.lang.foreign.MemorySegment;

/**
 * A client as observers of its server see it.
 *
 * <pre>
 *    0               4               8                               16              20              24
 *    +---------------+---------------+-------------------------------+---------------+---------------+
 *    | record_length | text_length   | id                            | pid           | uid           |
 *    +---------------+---------------+---------------+---------------+---------------+---------------+
 *    | age_nanos                     | last_error    | reserved      |
 *    +-------------------------------+---------------+---------------+
 *   40                                                               72                             392
 *    +---------------------------------------------------------------+-------------------------------+----
 *    | {@link HeldCounts}                                                    | {@link WorkCounts}                    | text ...
 *    +---------------------------------------------------------------+-------------------------------+----
 * </pre>
 *
 * @param id counts the clients of the server, from 1
 * @param pid its process, 0 if unknown
 * @param uid its user
 * @param ageNanos since it came
 * @param lastError what was refused or failed last, or {@link ErrorCode#OK}
 * @param lastErrorText what it was told then; cut where it is long
 * @param held what is held for it
 * @param work what was done for it
 */
public record ObservedClient(
    long id,
    int pid,
    int uid,
    long ageNanos,
    ErrorCode lastError,
    String lastErrorText,
    HeldCounts held,
    WorkCounts work) {
  private static final int MAX_TEXT_BYTES = 240;

  private static final int RECORD_LENGTH_OFFSET = 0;
  private static final int TEXT_LENGTH_OFFSET = RECORD_LENGTH_OFFSET + 4;
  private static final int ID_OFFSET = TEXT_LENGTH_OFFSET + 4;
  private static final int PID_OFFSET = ID_OFFSET + 8;
  private static final int UID_OFFSET = PID_OFFSET + 4;
  private static final int AGE_NANOS_OFFSET = UID_OFFSET + 4;
  private static final int LAST_ERROR_OFFSET = AGE_NANOS_OFFSET + 8;
  private static final int RESERVED_OFFSET = LAST_ERROR_OFFSET + 4;
  private static final int HELD_OFFSET = RESERVED_OFFSET + 4;
  private static final int WORK_OFFSET = HELD_OFFSET + HeldCounts.BYTES;
  private static final int TEXT_OFFSET = WORK_OFFSET + WorkCounts.BYTES;

  /**
   * Reads a record.
   *
   * @param segment where it lies; its end limits the record
   * @param at where it begins
   * @throws ProtocolException {@link ErrorCode#BAD_LENGTH} if it leaves the message
   */
  static ObservedClient read(MemorySegment segment, long at) {
    requireRoom(segment, at, TEXT_OFFSET);
    long textLength = LittleEndian.getSize(segment, at + TEXT_LENGTH_OFFSET);
    requireRoom(segment, at, TEXT_OFFSET + textLength);
    if (lengthOf(segment, at) < TEXT_OFFSET + textLength) {
      throw new ProtocolException(
          ErrorCode.BAD_LENGTH, "the record of an observed client is shorter than its text");
    }
    return new ObservedClient(
        LittleEndian.getLong(segment, at + ID_OFFSET),
        LittleEndian.getInt(segment, at + PID_OFFSET),
        LittleEndian.getInt(segment, at + UID_OFFSET),
        LittleEndian.getLong(segment, at + AGE_NANOS_OFFSET),
        ErrorCode.ofNumber(LittleEndian.getInt(segment, at + LAST_ERROR_OFFSET)),
        Utf8.decode(segment, at + TEXT_OFFSET, textLength),
        HeldCounts.read(segment, at + HELD_OFFSET),
        WorkCounts.read(segment, at + WORK_OFFSET));
  }

  static long lengthOf(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + RECORD_LENGTH_OFFSET);
  }

  private static void requireRoom(MemorySegment segment, long at, long length) {
    if (length > segment.byteSize() - at) {
      throw new ProtocolException(
          ErrorCode.BAD_LENGTH, "the list of observed clients is longer than its message");
    }
  }

  private byte[] text() {
    return Utf8.encode(lastErrorText, MAX_TEXT_BYTES);
  }

  /** The bytes of the record. */
  int byteLength() {
    return (int) LittleEndian.padTo8(TEXT_OFFSET + text().length);
  }

  /** Writes the record. */
  void write(MemorySegment segment, long at) {
    byte[] text = text();
    int length = byteLength();
    LittleEndian.putLong(segment, at + length - 8, 0);
    LittleEndian.putInt(segment, at + RECORD_LENGTH_OFFSET, length);
    LittleEndian.putInt(segment, at + TEXT_LENGTH_OFFSET, text.length);
    LittleEndian.putLong(segment, at + ID_OFFSET, id);
    LittleEndian.putInt(segment, at + PID_OFFSET, pid);
    LittleEndian.putInt(segment, at + UID_OFFSET, uid);
    LittleEndian.putLong(segment, at + AGE_NANOS_OFFSET, ageNanos);
    LittleEndian.putInt(segment, at + LAST_ERROR_OFFSET, lastError.number());
    LittleEndian.putInt(segment, at + RESERVED_OFFSET, 0);
    held.write(segment, at + HELD_OFFSET);
    work.write(segment, at + WORK_OFFSET);
    Utf8.write(segment, at + TEXT_OFFSET, text);
  }
}
