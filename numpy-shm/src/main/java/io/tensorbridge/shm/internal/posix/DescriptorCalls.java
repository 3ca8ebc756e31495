package io.tensorbridge.shm.internal.posix;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Calls that work on any descriptor, and those that open and remove files by name. */
public final class DescriptorCalls {
  /** Open flag: read only. */
  public static final int O_RDONLY = 0;
  /** Open flag: read and write. */
  public static final int O_RDWR = 2;
  /** Open flag: create the file. */
  public static final int O_CREAT = 0x40;
  /** Open flag: fail if the file exists. */
  public static final int O_EXCL = 0x80;

  /** Error of {@link #link}: the new name is taken. */
  public static final int EEXIST = 17;

  private static final long O_CLOEXEC = 0x80000;
  private static final long O_NONBLOCK = 0x800;
  private static final long O_NOFOLLOW = Machine.current() == Machine.X86_64 ? 0x20000 : 0x8000;
  private static final long O_TMPFILE = Machine.current() == Machine.X86_64 ? 0x410000 : 0x404000;
  private static final long F_SETFD = 2;
  private static final long F_GETFL = 3;
  private static final long F_SETFL = 4;
  private static final long F_DUPFD_CLOEXEC = 1030;
  private static final long FD_CLOEXEC = 1;
  private static final long AT_FDCWD = -100;
  private static final long AT_SYMLINK_FOLLOW = 0x400;
  private static final long AT_EMPTY_PATH = 0x1000;
  private static final long AT_STATX_DONT_SYNC = 0x4000;
  private static final long PRIVATE_FILE_MODE = 0600;
  private static final long PUBLIC_FILE_MODE = 0666;

  private DescriptorCalls() {}

  /**
   * Closes a descriptor. The number is free afterwards even if the call reports an error, so it is
   * never repeated.
   *
   * @param fd the descriptor
   */
  public static void close(int fd) {
    long result = Kernel.callOnce(Syscall.CLOSE, fd, 0, 0, 0, 0, 0);
    if (result == -Errno.EBADF) {
      Kernel.require(Syscall.CLOSE, result, fd + ", closed by somebody else");
    }
  }

  /**
   * Another descriptor of the same open file, closed on exec.
   *
   * @param fd the descriptor
   * @return the new one
   */
  public static int duplicate(int fd) {
    return (int) Kernel.require(
        Syscall.FCNTL, Kernel.call(Syscall.FCNTL, fd, F_DUPFD_CLOEXEC, 0), fd + ", F_DUPFD");
  }

  /**
   * Lets a descriptor end at exec, so that programs started later don't inherit it.
   *
   * @param fd the descriptor
   */
  public static void closeOnExec(int fd) {
    Kernel.require(
        Syscall.FCNTL, Kernel.call(Syscall.FCNTL, fd, F_SETFD, FD_CLOEXEC), fd + ", FD_CLOEXEC");
  }

  /**
   * Lets calls on the open file wait, or return at once, for all who share it.
   *
   * @param fd the descriptor
   * @param blocking whether calls wait
   */
  public static void setBlocking(int fd, boolean blocking) {
    long flags =
        Kernel.require(Syscall.FCNTL, Kernel.call(Syscall.FCNTL, fd, F_GETFL, 0), fd + ", F_GETFL");
    Kernel.require(
        Syscall.FCNTL,
        Kernel.call(
            Syscall.FCNTL,
            fd,
            F_SETFL,
            blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK),
        fd + ", O_NONBLOCK");
  }

  /**
   * Size and allocation of a file.
   *
   * @param fd the descriptor
   * @return both
   */
  public static FileStatus fstat(int fd) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment stat = arena.allocate(StatLayout.BYTES, 8);
      Kernel.require(
          Syscall.FSTAT, Kernel.call(Syscall.FSTAT, fd, stat.address()), Integer.toString(fd));
      return StatLayout.read(stat);
    }
  }

  /**
   * What the kernel itself knows of an open file. The file system is not asked: a hung network, or a
   * process behind FUSE, can't make the caller wait.
   *
   * @param fd the descriptor
   * @return how it was opened, what it is, and where it lies
   */
  public static OpenFile openFile(int fd) {
    long flags =
        Kernel.require(Syscall.FCNTL, Kernel.call(Syscall.FCNTL, fd, F_GETFL, 0), fd + ", F_GETFL");
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment statx = arena.allocate(StatxLayout.BYTES, 8);
      Kernel.require(
          Syscall.STATX,
          Kernel.call(
              Syscall.STATX,
              fd,
              arena.allocateFrom("").address(),
              AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
              StatxLayout.BASIC_STATS | StatxLayout.MOUNT_ID,
              statx.address(),
              0),
          Integer.toString(fd));
      return StatxLayout.read(statx, (int) flags);
    }
  }

  /**
   * Reads into native memory.
   *
   * @param fd the descriptor
   * @param target native memory
   * @return bytes read, 0 at the end, or the negated error number
   */
  public static long read(int fd, MemorySegment target) {
    return Kernel.call(Syscall.READ, fd, target.address(), target.byteSize());
  }

  /**
   * Writes from native memory.
   *
   * @param fd the descriptor
   * @param source native memory
   * @return bytes written, or the negated error number
   */
  public static long write(int fd, MemorySegment source) {
    return Kernel.call(Syscall.WRITE, fd, source.address(), source.byteSize());
  }

  /**
   * Opens a file by name without following a link or waiting for a writer, closed on exec; a file
   * created has mode 0600.
   *
   * @param path an absolute path
   * @param flags {@code O_...}
   * @return the descriptor, or the negated error number
   */
  public static int open(String path, int flags) {
    try (Arena arena = Arena.ofConfined()) {
      return (int) Kernel.call(
          Syscall.OPENAT,
          AT_FDCWD,
          arena.allocateFrom(path).address(),
          flags | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW,
          PRIVATE_FILE_MODE);
    }
  }

  /**
   * Opens a file to be read, following links, closed on exec; does not wait for the writer of a pipe.
   *
   * @param path an absolute path
   * @return the descriptor, or the negated error number
   */
  public static int openToRead(String path) {
    try (Arena arena = Arena.ofConfined()) {
      return (int) Kernel.call(
          Syscall.OPENAT,
          AT_FDCWD,
          arena.allocateFrom(path).address(),
          O_RDONLY | O_CLOEXEC | O_NONBLOCK,
          0);
    }
  }

  /**
   * Removes a file by name.
   *
   * @param path an absolute path
   * @return 0, or the negated error number
   */
  public static int unlink(String path) {
    try (Arena arena = Arena.ofConfined()) {
      return (int) Kernel.call(
          Syscall.UNLINKAT, AT_FDCWD, arena.allocateFrom(path).address(), 0);
    }
  }

  /**
   * Opens a new file without a name, to be read and written, closed on exec; its mode is 0666 without
   * what the process masks.
   *
   * @param directory an absolute path, in whose file system the file lies
   * @return the descriptor, or the negated error number
   */
  public static int openUnnamed(String directory) {
    try (Arena arena = Arena.ofConfined()) {
      return (int) Kernel.call(
          Syscall.OPENAT,
          AT_FDCWD,
          arena.allocateFrom(directory).address(),
          O_TMPFILE | O_RDWR | O_CLOEXEC,
          PUBLIC_FILE_MODE);
    }
  }

  /**
   * Gives a file one more name.
   *
   * @param existing an absolute path; if it is a symbolic link, its target is meant
   * @param name an absolute path in the same file system
   * @return 0, or the negated error number
   */
  public static int link(String existing, String name) {
    try (Arena arena = Arena.ofConfined()) {
      return (int) Kernel.call(
          Syscall.LINKAT,
          AT_FDCWD,
          arena.allocateFrom(existing).address(),
          AT_FDCWD,
          arena.allocateFrom(name).address(),
          AT_SYMLINK_FOLLOW,
          0);
    }
  }
}
