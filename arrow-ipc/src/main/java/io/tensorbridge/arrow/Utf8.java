package io.tensorbridge.arrow;

import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.ByteSource;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Text of a file. */
final class Utf8 {
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
}
