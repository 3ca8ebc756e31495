package io.tensorbridge.batch.wire;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The operations that a server offers.
 *
 * <pre>
 *   16              20              24
 *    +---------------+---------------+--- for each operation, without padding ---------------
 *    | count         | reserved      | u16 name_length, u16 summary_length, name, summary ...
 *    +---------------+---------------+-------------------------------------------------------
 * </pre>
 */
public final class OperationList {
  /** The size of the message without entries. */
  public static final int BYTES = 24;

  private static final int COUNT_OFFSET = MessageHeader.BYTES;
  private static final int RESERVED_OFFSET = COUNT_OFFSET + 4;

  private static final int NAME_LENGTH_OFFSET = 0;
  private static final int SUMMARY_LENGTH_OFFSET = NAME_LENGTH_OFFSET + 2;
  private static final int ENTRY_BYTES = SUMMARY_LENGTH_OFFSET + 2;
  private static final int MAX_SUMMARY_BYTES = 1000;
  private static final int MAX_NAME_BYTES = 200;

  private OperationList() {}

  /**
   * One operation.
   *
   * @param name by which it is asked for
   * @param summary one line for people
   */
  public record Operation(String name, String summary) {}

  /**
   * Writes a whole message; long summaries are cut, and what exceeds a message is left out.
   *
   * @param segment where to write
   * @param at where the message begins
   * @param requestId of the question
   * @param operations what is offered
   * @return the length of the message
   */
  public static int write(
      MemorySegment segment, long at, int requestId, List<Operation> operations) {
    long limit = Math.min(segment.byteSize() - at, MessageHeader.MAX_MESSAGE_BYTES);
    int length = BYTES;
    int count = 0;
    for (Operation operation : operations) {
      byte[] name = Utf8.encode(operation.name(), MAX_NAME_BYTES);
      byte[] summary = Utf8.encode(operation.summary(), MAX_SUMMARY_BYTES);
      if (length + ENTRY_BYTES + name.length + summary.length > limit) {
        break;
      }
      long entry = at + length;
      LittleEndian.putShort(segment, entry + NAME_LENGTH_OFFSET, name.length);
      LittleEndian.putShort(segment, entry + SUMMARY_LENGTH_OFFSET, summary.length);
      Utf8.write(segment, entry + ENTRY_BYTES, name);
      Utf8.write(segment, entry + ENTRY_BYTES + name.length, summary);
      length += ENTRY_BYTES + name.length + summary.length;
      count++;
    }
    MessageHeader.write(segment, at, MessageType.OPERATION_LIST, requestId, length);
    LittleEndian.putInt(segment, at + COUNT_OFFSET, count);
    LittleEndian.putInt(segment, at + RESERVED_OFFSET, 0);
    return length;
  }

  /**
   * Reads a whole message.
   *
   * @param segment where the message lies; its end limits the list
   * @param at where it begins
   * @return the operations
   * @throws ProtocolException {@link ErrorCode#BAD_LENGTH} if the entries leave the message
   */
  public static List<Operation> read(MemorySegment segment, long at) {
    long count = LittleEndian.getSize(segment, at + COUNT_OFFSET);
    List<Operation> operations = new ArrayList<>();
    long entry = at + BYTES;
    for (long i = 0; i < count; i++) {
      requireRoom(segment, entry, ENTRY_BYTES);
      int nameLength = LittleEndian.getShort(segment, entry + NAME_LENGTH_OFFSET);
      int summaryLength = LittleEndian.getShort(segment, entry + SUMMARY_LENGTH_OFFSET);
      requireRoom(segment, entry, ENTRY_BYTES + nameLength + summaryLength);
      long text = entry + ENTRY_BYTES;
      operations.add(
          new Operation(
              Utf8.decode(segment, text, nameLength),
              Utf8.decode(segment, text + nameLength, summaryLength)));
      entry = text + nameLength + summaryLength;
    }
    return operations;
  }

  private static void requireRoom(MemorySegment segment, long entry, int length) {
    if (length > segment.byteSize() - entry) {
      throw new ProtocolException(
          ErrorCode.BAD_LENGTH, "the list of operations is longer than its message");
    }
  }
}
