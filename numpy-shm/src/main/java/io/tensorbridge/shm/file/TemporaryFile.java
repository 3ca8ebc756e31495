package io.tensorbridge.shm.file;

import io.tensorbridge.ResourceException;
import io.tensorbridge.shm.internal.posix.DescriptorCalls;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;

/**
 * A new file beside its target that takes the target's name when it is complete; thread-safe.
 *
 * <p>A large file has no name until then ({@code O_TMPFILE}): however the process ends, the kernel
 * frees it, and nothing is left behind. A small one, and any file where the file system knows no
 * files without a name, has a temporary name {@code .TARGET.RUN-NUMBER.tmp} and a lock. The lock ends
 * with the process, and the next file for the same target removes what lies there unlocked.
 */
public final class TemporaryFile implements AutoCloseable {
  /** Below this, calling the kernel for the first time would cost more than the file. */
  private static final long LEAST_UNNAMED_BYTES = 64L << 20;

  private static final String ENDING = ".tmp";

  /** Tells the names of this process from those of others, also of one with the same number. */
  private static final String RUN =
      Long.toHexString(RandomGenerator.of("SecureRandom").nextLong());

  private static final AtomicLong NUMBER = new AtomicLong();
  private static final int ATTEMPTS = 10;

  private final Path target;
  private final Path name;
  private final int descriptor;
  private final FileChannel channel;
  private boolean closed;

  /** A file: either without a name, with its descriptor, or with a name and -1. */
  private TemporaryFile(Path target, Path name, int descriptor, FileChannel channel) {
    this.target = target;
    this.name = name;
    this.descriptor = descriptor;
    this.channel = channel;
  }

  /**
   * Begins a file.
   *
   * @param target where it shall appear; an older file is replaced then, and only then
   * @param expectedBytes about how large it becomes; {@link Long#MAX_VALUE} if nobody knows
   * @return owned by the caller
   * @throws IOException if the directory is missing or can't be written to
   */
  public static TemporaryFile create(Path target, long expectedBytes) throws IOException {
    Path absolute = target.toAbsolutePath();
    sweep(absolute);
    int descriptor = expectedBytes < LEAST_UNNAMED_BYTES ? -1 : openUnnamed(absolute);
    return descriptor < 0 ? createNamed(absolute) : createUnnamed(absolute, descriptor);
  }

  private static int openUnnamed(Path target) {
    Path directory = target.getParent();
    try {
      return directory == null || !isPassedAsItIs(target.toString())
          ? -1
          : DescriptorCalls.openUnnamed(directory.toString());
    } catch (ResourceException unsupported) {
      return -1;
    }
  }

  /** Whether Java's file names and the bytes of system calls agree. */
  private static boolean isPassedAsItIs(String path) {
    return "UTF-8".equals(System.getProperty("sun.jnu.encoding"))
        || path.chars().allMatch(character -> character < 0x80);
  }

  private static TemporaryFile createUnnamed(Path target, int descriptor) throws IOException {
    try {
      FileChannel channel =
          FileChannel.open(
              Path.of(linkOf(descriptor)), StandardOpenOption.READ, StandardOpenOption.WRITE);
      return new TemporaryFile(target, target, descriptor, channel);
    } catch (IOException noProc) {
      DescriptorCalls.close(descriptor);
      return createNamed(target);
    }
  }

  private static String linkOf(int descriptor) {
    return "/proc/self/fd/" + descriptor;
  }

  private static TemporaryFile createNamed(Path target) throws IOException {
    for (int i = 0; i < ATTEMPTS; i++) {
      Path name = newName(target);
      FileChannel channel =
          FileChannel.open(
              name,
              StandardOpenOption.CREATE_NEW,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE);
      if (isLocked(channel) && Files.exists(name)) {
        return new TemporaryFile(target, name, -1, channel);
      }
      channel.close(); // another process took it for a stale one before it was locked
      Files.deleteIfExists(name);
    }
    throw new IOException("other processes keep removing the temporary file");
  }

  private static Path newName(Path target) {
    return target.resolveSibling(
        "." + target.getFileName() + "." + RUN + "-" + NUMBER.incrementAndGet() + ENDING);
  }

  /** Whether the file is this process's now; a file system without locks counts as if. */
  private static boolean isLocked(FileChannel channel) {
    try {
      return channel.tryLock() != null;
    } catch (IOException noLocks) {
      return true;
    }
  }

  /** Removes what ended processes left of this target; what can't be removed stays. */
  private static void sweep(Path target) {
    Path directory = target.getParent();
    if (directory == null || !Files.isDirectory(directory)) {
      return;
    }
    String start = "." + target.getFileName() + ".";
    try (DirectoryStream<Path> siblings =
        Files.newDirectoryStream(
            directory, path -> isForeign(String.valueOf(path.getFileName()), start))) {
      for (Path sibling : siblings) {
        removeIfStale(sibling);
      }
    } catch (IOException unreadable) {
      // then creating the file tells what is wrong
    }
  }

  private static boolean isForeign(String name, String start) {
    return name.startsWith(start)
        && name.endsWith(ENDING)
        && !name.startsWith(start + RUN)
        && name.substring(start.length()).matches("[0-9a-f]{1,16}-[0-9]+\\.tmp");
  }

  private static void removeIfStale(Path name) {
    try (FileChannel channel = FileChannel.open(name, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock()) {
      if (lock != null) {
        Files.deleteIfExists(name);
      }
    } catch (IOException | OverlappingFileLockException inUse) {
      // stays
    }
  }

  /**
   * The file, to be read and written at any position.
   *
   * @return closed by {@link #commit()} and {@link #close()}
   */
  public FileChannel channel() {
    return channel;
  }

  /**
   * Sets the size; what is not written is zero.
   *
   * @param byteSize at least the present size
   * @throws IOException if the disk refuses
   */
  public void extend(long byteSize) throws IOException {
    if (byteSize > channel.size()) {
      channel.write(ByteBuffer.allocate(1), byteSize - 1);
    }
  }

  /**
   * Gives the file its name, in place of an older file.
   *
   * @throws IOException if the disk refuses; the file can still be closed
   * @throws IllegalStateException if it was committed or closed
   */
  public synchronized void commit() throws IOException {
    if (closed) {
      throw new IllegalStateException(target + " was already committed or closed");
    }
    if (descriptor < 0) {
      move(name);
      closed = true;
      channel.close();
    } else {
      linkUnnamed();
      closed = true;
      channel.close();
      DescriptorCalls.close(descriptor);
    }
  }

  /** A link can't replace a file; where there is one, a new name is made and renamed at once. */
  private void linkUnnamed() throws IOException {
    if (DescriptorCalls.link(linkOf(descriptor), target.toString()) == 0) {
      return;
    }
    Path passing = newName(target);
    int result = DescriptorCalls.link(linkOf(descriptor), passing.toString());
    if (result < 0) {
      throw new IOException(
          result == -DescriptorCalls.EEXIST
              ? new FileAlreadyExistsException(passing.toString())
              : new IOException("link failed with error " + -result));
    }
    try {
      move(passing);
    } catch (IOException refused) {
      Files.deleteIfExists(passing);
      throw refused;
    }
  }

  private void move(Path from) throws IOException {
    Files.move(
        from, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /**
   * Removes the file unless it was committed.
   *
   * @throws IOException if the disk refuses
   */
  @Override
  public synchronized void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    try {
      channel.close();
    } finally {
      if (descriptor < 0) {
        Files.deleteIfExists(name);
      } else {
        DescriptorCalls.close(descriptor);
      }
    }
  }
}
