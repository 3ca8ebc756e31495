package io.tensorbridge.batch.wire;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Text on the wire: UTF-8 without terminator, refused if malformed. */
public final class Utf8 {
  private Utf8() {}

  /**
   * Reads text.
   *
   * @param segment where it lies
   * @param offset its first byte
   * @param length its bytes
   * @return the text
   * @throws ProtocolException {@link ErrorCode#BAD_TEXT} if the bytes are not UTF-8
   */
  public static String decode(MemorySegment segment, long offset, long length) {
    if (length == 0) {
      return "";
    }
    byte[] bytes = new byte[Math.toIntExact(length)];
    MemorySegment.copy(segment, ValueLayout.JAVA_BYTE, offset, bytes, 0, bytes.length);
    return isAscii(bytes) ? new String(bytes, StandardCharsets.ISO_8859_1) : decodeStrictly(bytes);
  }

  private static boolean isAscii(byte[] bytes) {
    byte all = 0;
    for (byte each : bytes) {
      all |= each;
    }
    return all >= 0;
  }

  private static String decodeStrictly(byte[] bytes) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException malformed) {
      throw new ProtocolException(
          ErrorCode.BAD_TEXT, "text of " + bytes.length + " bytes is not valid UTF-8");
    }
  }

  /**
   * Encodes as much of a text as fits, without splitting a character.
   *
   * @param text the text
   * @param maxBytes room for it
   * @return at most {@code maxBytes} bytes of valid UTF-8
   */
  public static byte[] encode(String text, long maxBytes) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    if (bytes.length <= maxBytes) {
      return bytes;
    }
    int end = (int) Math.max(0, maxBytes);
    while (end > 0 && (bytes[end] & 0xC0) == 0x80) {
      end--;
    }
    return Arrays.copyOf(bytes, end);
  }

  /**
   * Writes bytes, for example those of {@link #encode}.
   *
   * @param segment where to write
   * @param offset the first byte
   * @param bytes what to write
   */
  public static void write(MemorySegment segment, long offset, byte[] bytes) {
    MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, offset, bytes.length);
  }
}
