package io.tensorbridge.quantize.model;

import io.tensorbridge.FormatException;
import io.tensorbridge.shm.file.TemporaryFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A file of known size that appears whole or not at all; thread-safe.
 *
 * <p>Bytes go by position into a {@link TemporaryFile}, which is set to its full size at once. The
 * data are handed to the page cache and not forced to the disk: a power failure, unlike a crash of
 * the process, can still lose them.
 */
final class AtomicFile implements AutoCloseable {
  private static final int LARGEST_WRITE = 1 << 30;

  private final Path target;
  private final TemporaryFile temporary;
  private final FileChannel channel;

  private AtomicFile(Path target, TemporaryFile temporary) {
    this.target = target;
    this.temporary = temporary;
    this.channel = temporary.channel();
  }

  static AtomicFile create(Path target, long byteSize) {
    Path directory = target.toAbsolutePath().getParent();
    if (directory == null || Files.isDirectory(target)) {
      throw FileBytes.failure(target, "is a directory", null);
    }
    if (!Files.isDirectory(directory)) {
      throw FileBytes.failure(target, "the directory " + directory + " does not exist", null);
    }
    long usable = directory.toFile().getUsableSpace();
    if (usable < byteSize) {
      throw FileBytes.failure(
          target, "the disk is full: " + byteSize + " bytes are needed, " + usable + " free", null);
    }
    try {
      return new AtomicFile(target, open(target, byteSize));
    } catch (IOException refused) {
      throw writeFailure(target, refused);
    }
  }

  private static TemporaryFile open(Path target, long byteSize) throws IOException {
    TemporaryFile file = TemporaryFile.create(target, byteSize);
    try {
      file.extend(byteSize);
      return file;
    } catch (IOException refused) {
      file.close();
      throw refused;
    }
  }

  /** Writes native memory at a position. */
  void write(long position, MemorySegment bytes) {
    long done = 0;
    while (done < bytes.byteSize()) {
      long length = Math.min(bytes.byteSize() - done, LARGEST_WRITE);
      write(position + done, bytes.asSlice(done, length).asByteBuffer());
      done += length;
    }
  }

  void write(long position, ByteBuffer bytes) {
    long at = position;
    try {
      while (bytes.hasRemaining()) {
        at += channel.write(bytes, at);
      }
    } catch (IOException refused) {
      throw writeFailure(target, refused);
    }
  }

  /** Reads what was written, into native memory. */
  void read(long position, MemorySegment target) {
    ByteBuffer buffer = target.asByteBuffer();
    long at = position;
    try {
      while (buffer.hasRemaining()) {
        int count = channel.read(buffer, at);
        if (count < 0) {
          throw FileBytes.failure(this.target, "ends at byte " + at + " while it is written", null);
        }
        at += count;
      }
    } catch (IOException refused) {
      throw writeFailure(this.target, refused);
    }
  }

  void commit() {
    try {
      temporary.commit();
    } catch (IOException refused) {
      throw writeFailure(target, refused);
    }
  }

  @Override
  public void close() {
    try {
      temporary.close();
    } catch (IOException refused) {
      throw writeFailure(target, refused);
    }
  }

  private static FormatException writeFailure(Path target, IOException refused) {
    String message = String.valueOf(refused.getMessage());
    boolean full = message.contains("No space left") || message.contains("quota");
    return FileBytes.failure(
        target, (full ? "the disk is full: " : "can't be written: ") + message, refused);
  }
}
