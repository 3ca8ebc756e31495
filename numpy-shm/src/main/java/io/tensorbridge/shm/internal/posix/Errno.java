package io.tensorbridge.shm.internal.posix;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ResourceException;

/** The kernel's error numbers (the same on x86-64 and aarch64), their names, and remedies. */
public final class Errno {
  /** Not permitted; a mapping that a seal forbids. */
  public static final int EPERM = 1;
  /** No such file. */
  public static final int ENOENT = 2;
  /** No such process. */
  public static final int ESRCH = 3;
  /** Interrupted by a signal; never seen outside this package. */
  public static final int EINTR = 4;
  /** Not an open descriptor. */
  public static final int EBADF = 9;
  /** It would block. */
  public static final int EAGAIN = 11;
  /** Out of memory. */
  public static final int ENOMEM = 12;
  /** Permission denied. */
  public static final int EACCES = 13;
  /** The file exists. */
  public static final int EEXIST = 17;
  /** An argument is not acceptable to this kind of descriptor. */
  public static final int EINVAL = 22;
  /** The system has too many open files. */
  public static final int ENFILE = 23;
  /** The process has too many open files. */
  public static final int EMFILE = 24;
  /** No space left. */
  public static final int ENOSPC = 28;
  /** The reader is gone. */
  public static final int EPIPE = 32;
  /** The kernel has no such call. */
  public static final int ENOSYS = 38;
  /** The message is too long. */
  public static final int EMSGSIZE = 90;
  /** The socket is of another type. */
  public static final int EPROTOTYPE = 91;
  /** The address is in use. */
  public static final int EADDRINUSE = 98;
  /** The peer reset the connection. */
  public static final int ECONNRESET = 104;
  /** The socket is not connected. */
  public static final int ENOTCONN = 107;
  /** Nobody listens. */
  public static final int ECONNREFUSED = 111;

  /** The highest number that a failed call may stand for. */
  static final int MAX = 4095;

  private Errno() {}

  static ResourceException failure(Syscall syscall, int errno, String subject) {
    return failure(syscall.manualName() + "(" + subject + ")", errno);
  }

  /**
   * The exception for an error number.
   *
   * @param action what was tried, for the message
   * @param errno a positive error number
   * @return the exception, to be thrown by the caller
   */
  public static ResourceException failure(String action, int errno) {
    return new ResourceException(
        codeOf(errno), action + " failed: " + describe(errno) + remedyOf(errno));
  }

  /**
   * An error number in words.
   *
   * @param errno a positive error number
   * @return its name and meaning
   */
  public static String describe(int errno) {
    return switch (errno) {
      case EPERM -> "EPERM, not permitted";
      case ENOENT -> "ENOENT, no such file";
      case ESRCH -> "ESRCH, no such process";
      case EINTR -> "EINTR, interrupted";
      case 5 -> "EIO, input/output error";
      case EBADF -> "EBADF, not an open descriptor of the right kind";
      case EAGAIN -> "EAGAIN, it would block";
      case ENOMEM -> "ENOMEM, out of memory";
      case EACCES -> "EACCES, permission denied";
      case 14 -> "EFAULT, bad address";
      case EEXIST -> "EEXIST, the file exists";
      case 19 -> "ENODEV, this kind of file can't be mapped";
      case 20 -> "ENOTDIR, a part of the path is no directory";
      case 21 -> "EISDIR, it is a directory";
      case EINVAL -> "EINVAL, not acceptable to this descriptor";
      case ENFILE -> "ENFILE, the system has too many open files";
      case EMFILE -> "EMFILE, this process has too many open files";
      case 27 -> "EFBIG, the file would be too large";
      case ENOSPC -> "ENOSPC, no space left";
      case 30 -> "EROFS, the file system is read-only";
      case EPIPE -> "EPIPE, the peer has closed";
      case 36 -> "ENAMETOOLONG, the name is too long";
      case ENOSYS -> "ENOSYS, the kernel has no such call";
      case 40 -> "ELOOP, too many symbolic links";
      case 88 -> "ENOTSOCK, not a socket";
      case EMSGSIZE -> "EMSGSIZE, the message is too long";
      case EPROTOTYPE -> "EPROTOTYPE, the socket is of another type";
      case 95 -> "EOPNOTSUPP, not supported by this descriptor";
      case EADDRINUSE -> "EADDRINUSE, the address is in use";
      case ECONNRESET -> "ECONNRESET, the peer reset the connection";
      case 105 -> "ENOBUFS, no buffer space";
      case ENOTCONN -> "ENOTCONN, not connected";
      case 109 -> "ETOOMANYREFS, too many descriptors in flight";
      case ECONNREFUSED -> "ECONNREFUSED, nobody listens";
      default -> "errno " + errno;
    };
  }

  private static ErrorCode codeOf(int errno) {
    return switch (errno) {
      case ENOMEM, ENOSPC -> ErrorCode.OUT_OF_MEMORY;
      case ENFILE, EMFILE, 109 -> ErrorCode.OUT_OF_DESCRIPTORS;
      case ENOSYS -> ErrorCode.UNSUPPORTED_PLATFORM;
      default -> ErrorCode.SYSTEM_CALL;
    };
  }

  private static String remedyOf(int errno) {
    return switch (errno) {
      case EMFILE -> "; raise the limit with \"ulimit -n\" or share slabs instead of many regions";
      case ENFILE -> "; raise fs.file-max or close other programs";
      case ENOMEM -> "; free memory, raise the container's limit, or ask for less";
      case ENOSPC -> "; free space in the file system (/dev/shm for named memory) or ask for less";
      case ENOSYS -> "; Linux 5.6 or newer is needed, and a container must not filter the call";
      default -> "";
    };
  }
}
