package io.tensorbridge.quantize.model;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of a file that is open for reading; thread-safe.
 *
 * <p>Two ways lead to them: {@link #read}, which copies and turns a truncated file into an
 * exception, and {@link #mapped}, which maps the file at its first use.
 */
final class FileBytes implements AutoCloseable {
  private static final int LARGEST_READ = 1 << 30;

  private final Path path;

  /** Null for bytes that somebody else has mapped. */
  private final @Nullable FileChannel channel;

  private final long size;
  private @Nullable Arena arena;
  private @Nullable MemorySegment mapping;

  private FileBytes(
      Path path, @Nullable FileChannel channel, long size, @Nullable MemorySegment mapping) {
    this.path = path;
    this.channel = channel;
    this.size = size;
    this.mapping = mapping;
  }

  /**
   * The bytes of a file that somebody else has opened; only copied out of, because the file may be
   * truncated at any time.
   *
   * @param name for messages
   */
  static FileBytes of(Path name, MemorySegment bytes) {
    return new FileBytes(name, null, bytes.byteSize(), bytes.asReadOnly());
  }

  static FileBytes open(Path path) {
    if (!Files.isRegularFile(path)) {
      throw failure(path, Files.exists(path) ? "is not a regular file" : "no such file", null);
    }
    try {
      FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
      return new FileBytes(path, channel, channel.size(), null);
    } catch (NoSuchFileException missing) {
      throw failure(path, "no such file", missing);
    } catch (IOException refused) {
      throw failure(path, "can't be opened: " + refused.getMessage(), refused);
    }
  }

  Path path() {
    return path;
  }

  long size() {
    return size;
  }

  /** Copies {@code target.byteSize()} bytes; {@code target} must be native memory. */
  void read(long byteOffset, MemorySegment target) {
    if (channel == null) {
      copy(byteOffset, target);
      return;
    }
    long done = 0;
    while (done < target.byteSize()) {
      long length = Math.min(target.byteSize() - done, LARGEST_READ);
      readFully(channel, byteOffset + done, target.asSlice(done, length).asByteBuffer());
      done += length;
    }
  }

  byte[] read(long byteOffset, int length) {
    byte[] bytes = new byte[length];
    if (channel == null) {
      copy(byteOffset, MemorySegment.ofArray(bytes));
    } else {
      readFully(channel, byteOffset, ByteBuffer.wrap(bytes));
    }
    return bytes;
  }

  private void copy(long byteOffset, MemorySegment target) {
    try {
      MemorySegment.copy(mapping(), byteOffset, target, 0, target.byteSize());
    } catch (InternalError fault) {
      throw failure(path, "was truncated while it was read", fault);
    }
  }

  private void readFully(FileChannel channel, long byteOffset, ByteBuffer target) {
    long position = byteOffset;
    try {
      while (target.hasRemaining()) {
        int count = channel.read(target, position);
        if (count < 0) {
          throw failure(path, "was truncated at byte " + position + " while it was read", null);
        }
        position += count;
      }
    } catch (IOException refused) {
      throw failure(path, "can't be read: " + refused.getMessage(), refused);
    }
  }

  /** A read-only view, valid until {@link #close()}. */
  MemorySegment mapped(long byteOffset, long byteLength) {
    return byteLength == 0
        ? MemorySegment.NULL.asReadOnly() // may lie behind the end of the file
        : mapping().asSlice(byteOffset, byteLength);
  }

  private synchronized MemorySegment mapping() {
    if (mapping == null && channel != null) {
      Arena opened = Arena.ofShared();
      try {
        mapping = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, opened);
        arena = opened;
      } catch (IOException refused) {
        opened.close();
        throw failure(path, "can't be mapped: " + refused.getMessage(), refused);
      }
    }
    return Objects.requireNonNull(mapping);
  }

  @Override
  public synchronized void close() {
    if (arena != null && arena.scope().isAlive()) {
      arena.close();
    }
    if (channel == null) {
      return;
    }
    try {
      channel.close();
    } catch (IOException refused) {
      throw failure(path, "can't be closed: " + refused.getMessage(), refused);
    }
  }

  static FormatException failure(Path path, String what, @Nullable Throwable cause) {
    return new FormatException(ErrorCode.FILE_IO, path + ": " + what, -1, "", cause);
  }
}
