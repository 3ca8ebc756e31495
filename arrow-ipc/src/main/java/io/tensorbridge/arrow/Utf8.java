package io.tensorbridge.arrow;

import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.ByteSource;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;

/** Text of a file. */
final class Utf8 {
  private static final int CHUNK_BYTES = 1 << 16;

  private Utf8() {}

  /**
   * Decodes without replacing what is malformed.
   *
   * @throws FormatException if it is no UTF-8
   */
  static String decode(ByteSource source, String rule) {
    if (source.size() > Integer.MAX_VALUE - Long.BYTES) {
      throw source.broken(0, rule, "a text of " + source.size() + " bytes");
    }
    ByteBuffer bytes = ByteBuffer.wrap(source.copy(0, (int) source.size()));
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
    } catch (CharacterCodingException malformed) {
      throw source.broken(bytes.position(), rule, "bytes that are no character");
    }
  }

  /**
   * Where bytes cease to be UTF-8.
   *
   * @return the first byte of no character, or -1
   */
  static long firstMalformed(MemorySegment bytes) {
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    CharBuffer characters = CharBuffer.allocate(CHUNK_BYTES);
    byte[] chunk = new byte[CHUNK_BYTES];
    long at = 0;
    while (at < bytes.byteSize()) {
      int length = (int) Math.min(CHUNK_BYTES, bytes.byteSize() - at);
      MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, at, chunk, 0, length);
      ByteBuffer source = ByteBuffer.wrap(chunk, 0, length);
      boolean last = at + length == bytes.byteSize();
      characters.clear();
      decoder.reset();
      if (decoder.decode(source, characters, last).isError()) {
        return at + source.position();
      }
      at += source.position(); // a character that a chunk cuts begins the next one
    }
    return -1;
  }
}
