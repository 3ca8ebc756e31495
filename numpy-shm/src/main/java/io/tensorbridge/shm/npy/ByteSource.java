package io.tensorbridge.shm.npy;

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
record ByteSource(String file, long fileOffset, MemorySegment bytes) {
  long size() {
    return bytes.byteSize();
  }

  ByteSource slice(String part, long offset, long size) {
    return new ByteSource(file + part, fileOffset + offset, bytes.asSlice(offset, size));
  }

  /** A private copy of a few bytes: whoever else has the file can't change them any more. */
  byte[] copy(long offset, int length) {
    byte[] copy = new byte[length];
    copyTo(offset, MemorySegment.ofArray(copy));
    return copy;
  }

  /** Copies as many bytes as the target holds; done within {@link #reading}. */
  void copyTo(long offset, MemorySegment target) {
    target.copyFrom(bytes.asSlice(offset, target.byteSize()));
  }

  /**
   * Does work that reads a mapped file.
   *
   * <p>If somebody has cut the file short, a copy from it fails with an {@link InternalError}, which
   * the JVM may deliver a few calls late: so not single copies are guarded, but whole operations.
   */
  static <T> T reading(Object file, Supplier<T> work) {
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

  FormatException broken(long offset, String rule, String found) {
    long at = fileOffset + offset;
    return new FormatException(file + ", byte " + at + ": " + found + "; " + rule, at, rule);
  }

  static FormatException inaccessible(Object file, IOException cause) {
    return new FormatException(
        ErrorCode.FILE_IO, file + " can't be read or written: " + cause, -1, "", cause);
  }
}
