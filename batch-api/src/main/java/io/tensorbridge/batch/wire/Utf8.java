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
   * Compares text.
   *
   * @param segment where it lies
   * @param offset its first byte
   * @param bytes what it is compared with; it is as long
   * @return whether the bytes are the same
   */
  public static boolean matches(MemorySegment segment, long offset, byte[] bytes) {
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] != segment.get(ValueLayout.JAVA_BYTE, offset + i)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Proves text of zero-separated parts, without making an object of it.
   *
   * @param segment where it lies
   * @param offset its first byte
   * @param length its bytes
   * @return the number of zero bytes in it
   * @throws ProtocolException {@link ErrorCode#BAD_TEXT} if the bytes are not UTF-8
   */
  public static long countZeros(MemorySegment segment, long offset, long length) {
    long zeros = 0;
    long i = 0;
    while (i < length) {
      long word = 0x8080808080808080L;
      if (length - i >= Long.BYTES) {
        word = LittleEndian.getLong(segment, offset + i);
      }
      if ((word & 0x8080808080808080L) == 0) {
        // Adding 0x7F carries into the highest bit of each byte that is not zero.
        zeros += Long.BYTES - Long.bitCount((word + 0x7F7F7F7F7F7F7F7FL) & 0x8080808080808080L);
        i += Long.BYTES;
      } else {
        int first = LittleEndian.getByte(segment, offset + i);
        zeros += first == 0 ? 1 : 0;
        i += first < 0x80 ? 1 : requireCharacter(segment, offset + i, length - i, first);
      }
    }
    return zeros;
  }

  /** Proves a character of several bytes as RFC 3629 has it, and gives its length. */
  private static int requireCharacter(
      MemorySegment segment, long at, long room, int first) {
    int length = first < 0xC2 || first > 0xF4 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (length == 0 || length > room) {
      throw malformed();
    }
    int least =
        switch (first) {
          case 0xE0 -> 0xA0;
          case 0xF0 -> 0x90;
          default -> 0x80;
        };
    int most =
        switch (first) {
          case 0xED -> 0x9F;
          case 0xF4 -> 0x8F;
          default -> 0xBF;
        };
    int second = LittleEndian.getByte(segment, at + 1);
    boolean valid = second >= least && second <= most;
    for (int i = 2; i < length; i++) {
      valid &= (LittleEndian.getByte(segment, at + i) & 0xC0) == 0x80;
    }
    if (!valid) {
      throw malformed();
    }
    return length;
  }

  private static ProtocolException malformed() {
    return new ProtocolException(ErrorCode.BAD_TEXT, "text is not valid UTF-8");
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
