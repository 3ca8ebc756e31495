package io.tensorbridge.shm.file;

import io.tensorbridge.BridgeClosedException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/**
 * A file that appears under its name whole or not at all, see {@link TemporaryFile}. Writing is
 * thread-safe.
 */
public final class PendingFile implements AutoCloseable {
  private static final int CHUNK = 1 << 20;
  private static final long LARGEST_WRITE = 1 << 30;

  private final Path target;
  private final TemporaryFile temporary;
  private final FileChannel channel;

  private PendingFile(Path target, TemporaryFile temporary) {
    this.target = target;
    this.temporary = temporary;
    this.channel = temporary.channel();
  }

  /**
   * Begins a file.
   *
   * @param target where it shall appear; an older one is replaced
   * @return owned by the caller
   * @throws io.tensorbridge.FormatException if the disk refuses it
   */
  public static PendingFile create(Path target) {
    try {
      return new PendingFile(target, TemporaryFile.create(target, Long.MAX_VALUE));
    } catch (IOException failure) {
      throw ByteSource.inaccessible(target, failure);
    }
  }

  /**
   * Writes any segment: native memory at once, heap memory by way of a buffer.
   *
   * @param at where in the file; what is never written between two places is zero
   * @param bytes what to write
   * @throws io.tensorbridge.FormatException if the disk refuses it
   */
  public void write(long at, MemorySegment bytes) {
    requireOpen();
    if (bytes.isNative()) {
      writeNative(at, bytes);
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(Math.min(CHUNK, bytes.byteSize()));
      for (long from = 0; from < bytes.byteSize(); from += CHUNK) {
        long length = Math.min(CHUNK, bytes.byteSize() - from);
        MemorySegment.copy(bytes, from, buffer, 0, length);
        writeFully(at + from, buffer.asSlice(0, length).asByteBuffer());
      }
    } catch (IOException failure) {
      throw ByteSource.inaccessible(target, failure);
    }
  }

  private void writeNative(long at, MemorySegment bytes) {
    try {
      for (long from = 0; from < bytes.byteSize(); from += LARGEST_WRITE) {
        long length = Math.min(LARGEST_WRITE, bytes.byteSize() - from);
        writeFully(at + from, bytes.asSlice(from, length).asByteBuffer());
      }
    } catch (IOException failure) {
      throw ByteSource.inaccessible(target, failure);
    }
  }

  private void writeFully(long at, ByteBuffer buffer) throws IOException {
    long position = at;
    while (buffer.hasRemaining()) {
      position += channel.write(buffer, position);
    }
  }

  private void requireOpen() {
    if (!channel.isOpen()) {
      throw new BridgeClosedException(target + " was committed or given up");
    }
  }

  /**
   * The first bytes of what was written, mapped.
   *
   * @param length how many
   * @param arena of the mapping
   * @return read-only, valid while the arena is open
   * @throws io.tensorbridge.FormatException if the disk refuses it
   */
  public MemorySegment map(long length, Arena arena) {
    requireOpen();
    try {
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, length, arena);
    } catch (IOException failure) {
      throw ByteSource.inaccessible(target, failure);
    }
  }

  /**
   * Lets the file appear.
   *
   * @throws io.tensorbridge.FormatException if the disk refuses it
   */
  public void commit() {
    requireOpen();
    try {
      temporary.commit();
    } catch (IOException failure) {
      throw ByteSource.inaccessible(target, failure);
    }
  }

  /** Removes the file unless it was committed. */
  @Override
  public void close() {
    try {
      temporary.close();
    } catch (IOException failure) {
      throw ByteSource.inaccessible(target, failure);
    }
  }
}
