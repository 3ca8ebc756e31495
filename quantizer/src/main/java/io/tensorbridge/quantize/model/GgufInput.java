package io.tensorbridge.quantize.model;

import io.tensorbridge.FormatException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Reads the header of a GGUF file field by field, through a small buffer. */
final class GgufInput {
  private static final int BUFFER_BYTES = 1 << 16;
  private static final int LONGEST_STRING = 64 << 20;

  private final FileBytes file;
  private ByteBuffer buffer = ByteBuffer.allocate(0);
  private long bufferEnd;

  GgufInput(FileBytes file) {
    this.file = file;
  }

  /** Where in the file the next field begins. */
  long position() {
    return bufferEnd - buffer.remaining();
  }

  long remaining() {
    return file.size() - position();
  }

  int readU8() {
    return Byte.toUnsignedInt(require(1, "a byte").get());
  }

  int readU16() {
    return Short.toUnsignedInt(require(Short.BYTES, "a 16-bit number").getShort());
  }

  long readU32() {
    return Integer.toUnsignedLong(require(Integer.BYTES, "a 32-bit number").getInt());
  }

  long readI64() {
    return require(Long.BYTES, "a 64-bit number").getLong();
  }

  /** A count or size of which each unit takes at least some bytes, so that it can't exceed the rest. */
  int readCount(String what, long leastBytesEach) {
    long at = position();
    long count = readI64();
    if (count < 0 || count > remaining() / leastBytesEach || count > Integer.MAX_VALUE - 8) {
      throw broken(
          at,
          "counts that the file can hold",
          Long.toUnsignedString(count) + " " + what + " in " + remaining() + " bytes");
    }
    return (int) count;
  }

  String readString(String what) {
    long at = position();
    int length = readCount("bytes of " + what, 1);
    if (length > LONGEST_STRING) {
      throw broken(at, "strings of at most 64 MiB", what + " has " + length + " bytes");
    }
    byte[] bytes = new byte[length];
    for (int done = 0; done < length;) {
      ByteBuffer part = require(1, what);
      int count = Math.min(part.remaining(), length - done);
      part.get(bytes, done, count);
      done += count;
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException malformed) {
      throw broken(at, "text in UTF-8", what + " is not");
    }
  }

  private ByteBuffer require(int bytes, String what) {
    if (buffer.remaining() < bytes) {
      refill(bytes, what);
    }
    return buffer;
  }

  private void refill(int bytes, String what) {
    long at = position();
    if (bytes > file.size() - at) {
      throw broken(at, "a whole header", "the file ends before " + what);
    }
    int length = (int) Math.min(BUFFER_BYTES, file.size() - at);
    buffer = ByteBuffer.wrap(file.read(at, length)).order(ByteOrder.LITTLE_ENDIAN);
    bufferEnd = at + length;
  }

  FormatException broken(long at, String rule, String found) {
    return new FormatException(
        file.path() + ", byte " + at + ": " + found + "; a GGUF file has " + rule, at, rule);
  }
}
