package io.tensorbridge.batch.wire;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import java.lang.foreign.MemorySegment;

/**
 * A request was refused; with request id 0, the server's last words.
 *
 * <pre>
 *   16              20              24
 *    +---------------+---------------+--------------------
 *    | code          | text_length   | text, UTF-8 ...
 *    +---------------+---------------+--------------------
 * </pre>
 */
public final class ErrorMessage {
  /** The size of the structure. */
  public static final int BYTES = 24;

  private static final int CODE_OFFSET = MessageHeader.BYTES;
  private static final int TEXT_LENGTH_OFFSET = CODE_OFFSET + 4;

  private ErrorMessage() {}

  /**
   * Why.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return a number of {@link io.tensorbridge.ErrorCode}
   */
  public static int code(MemorySegment segment, long at) {
    return LittleEndian.getInt(segment, at + CODE_OFFSET);
  }

  /**
   * The size of the text.
   *
   * @param segment where the structure lies
   * @param at where it begins
   * @return bytes
   */
  public static long textLength(MemorySegment segment, long at) {
    return LittleEndian.getSize(segment, at + TEXT_LENGTH_OFFSET);
  }

  /**
   * The text.
   *
   * @param segment where the message lies; its end limits the text
   * @param at where it begins
   * @return what is wrong and the remedy
   * @throws io.tensorbridge.ProtocolException if the text is longer than the message, or not UTF-8
   */
  public static String text(MemorySegment segment, long at) {
    long length = textLength(segment, at);
    if (length > segment.byteSize() - at - BYTES) {
      throw new ProtocolException(
          ErrorCode.BAD_LENGTH, "the text of " + length + " bytes is longer than its message");
    }
    return Utf8.decode(segment, at + BYTES, length);
  }

  /**
   * Writes a whole message; a text too long for a message is cut.
   *
   * @param segment where to write
   * @param at where the message begins
   * @param requestId of the refused request, or 0
   * @param code why
   * @param text what is wrong and the remedy
   * @return the length of the message
   */
  public static int write(
      MemorySegment segment, long at, int requestId, ErrorCode code, String text) {
    long room = Math.min(segment.byteSize() - at, MessageHeader.MAX_MESSAGE_BYTES) - BYTES;
    byte[] bytes = Utf8.encode(text, room);
    MessageHeader.write(segment, at, MessageType.ERROR, requestId, BYTES + bytes.length);
    LittleEndian.putInt(segment, at + CODE_OFFSET, code.number());
    LittleEndian.putInt(segment, at + TEXT_LENGTH_OFFSET, bytes.length);
    Utf8.write(segment, at + BYTES, bytes);
    return BYTES + bytes.length;
  }
}
