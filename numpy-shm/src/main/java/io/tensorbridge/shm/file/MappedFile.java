package io.tensorbridge.shm.file;

import io.tensorbridge.BridgeClosedException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A whole file, mapped read-only, and the arena of all that is read from it.
 *
 * <p>A shared arena is slower to close than a plain unmapping, but a file is closed once, and its
 * arena turns a use after that into an exception.
 *
 * @param path the file
 * @param arena of the mapping and of copies
 * @param source the bytes
 */
public record MappedFile(Path path, Arena arena, ByteSource source) implements AutoCloseable {
  /**
   * Maps a file.
   *
   * @param path the file
   * @return owned by the caller
   * @throws io.tensorbridge.FormatException if it can't be read
   */
  public static MappedFile open(Path path) {
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      MemorySegment bytes = channel.map(MapMode.READ_ONLY, 0, channel.size(), arena);
      return new MappedFile(path, arena, new ByteSource(path.toString(), 0, bytes));
    } catch (IOException failure) {
      arena.close();
      throw ByteSource.inaccessible(path, failure);
    } catch (RuntimeException | Error failure) {
      arena.close();
      throw failure;
    }
  }

  /**
   * Checks that the file is still open.
   *
   * @throws BridgeClosedException if it was closed
   */
  public void requireOpen() {
    if (!arena.scope().isAlive()) {
      throw new BridgeClosedException(path + " was closed");
    }
  }

  /** Unmaps the file, and frees all that was allocated in its arena. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
