package io.tensorbridge.shm.file;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;

/**
 * Bytes of a file, and where in it they lie, so that errors name the place.
 *
 * @param file the file, and the entry in it, in words
 * @param fileOffset where the bytes begin in the file
 * @param bytes mapped, or a private copy
 */
public record ByteSource(String file, long fileOffset, MemorySegment bytes) {
  /**
   * The number of bytes.
   *
   * @return bytes
   */
  public long size() {
    return bytes.byteSize();
  }

  /**
   * A part of these bytes.
   *
   * @param part added to the words that name the file, or empty
   * @param offset where the part begins in these bytes
   * @param size its bytes
   * @return a view
   * @throws IndexOutOfBoundsException if there are fewer bytes
   */
  public ByteSource slice(String part, long offset, long size) {
    String name = part.isEmpty() ? file : file + part;
    return new ByteSource(name, fileOffset + offset, bytes.asSlice(offset, size));
  }

  /**
   * A private copy of a few bytes: whoever else has the file can't change them any more.
   *
   * @param offset where in these bytes
   * @param length how many
   * @return the copy
   * @throws IndexOutOfBoundsException if there are fewer bytes
   */
  public byte[] copy(long offset, int length) {
    byte[] copy = new byte[length];
    copyTo(offset, MemorySegment.ofArray(copy));
    return copy;
  }

  /**
   * Copies as many bytes as the target holds; done within {@link #reading}.
   *
   * @param offset where in these bytes
   * @param target filled whole
   * @throws IndexOutOfBoundsException if there are fewer bytes
   */
  public void copyTo(long offset, MemorySegment target) {
    target.copyFrom(bytes.asSlice(offset, target.byteSize()));
  }

  /**
   * Does work that reads a mapped file.
   *
   * <p>If somebody has cut the file short, a copy from it fails with an {@link InternalError}, which
   * the JVM may deliver a few calls late: so not single copies are guarded, but whole operations.
   *
   * @param <T> of the result
   * @param file the file, for the message
   * @param work what reads it
   * @return what the work returns
   * @throws FormatException if the file was cut short
   */
  public static <T> T reading(Object file, Supplier<T> work) {
    try {
      return work.get();
    } catch (InternalError cutShort) {
      throw new FormatException(
          ErrorCode.FILE_IO,
          file + " was cut short by somebody while it was read",
          -1,
          "",
          cutShort);
    }
  }

  /**
   * The failure that a rule is broken here.
   *
   * @param offset where in these bytes
   * @param rule the rule in a few words
   * @param found what is there instead, and the remedy
   * @return to be thrown
   */
  public FormatException broken(long offset, String rule, String found) {
    long at = fileOffset + offset;
    return new FormatException(file + ", byte " + at + ": " + found + "; " + rule, at, rule);
  }

  /**
   * The failure that the system refuses a file.
   *
   * @param file the file
   * @param cause why
   * @return to be thrown
   */
  public static FormatException inaccessible(Object file, IOException cause) {
    return new FormatException(
        ErrorCode.FILE_IO, file + " can't be read or written: " + cause, -1, "", cause);
  }
}
