package io.tensorbridge.shm;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.ResourceException;
import io.tensorbridge.shm.internal.posix.Errno;
import io.tensorbridge.shm.internal.posix.ProcessCalls;
import io.tensorbridge.shm.internal.posix.WaitCalls;

/**
 * A process by descriptor ({@code pidfd}): tells when it has ended, however it ended, and is never
 * mistaken for a later process with the same number; thread-safe.
 *
 * <p>A {@link Poller} reports its {@link #fd()} as ready once the process has ended.
 */
public final class ProcessFd implements AutoCloseable {
  private static final String PID_LINE = "Pid:";

  private final Fd fd;
  private final int pid;

  private ProcessFd(Fd fd, int pid) {
    this.fd = fd;
    this.pid = pid;
  }

  /**
   * Opens a process by its number.
   *
   * @param pid a process of this PID namespace
   * @return the process, owned by the caller
   * @throws ResourceException if there is none, or the kernel is older than 5.3
   */
  public static ProcessFd open(int pid) {
    int result = ProcessCalls.pidfdOpen(pid);
    if (result == -Errno.ESRCH || result == -Errno.EINVAL) {
      throw new ResourceException(ErrorCode.SYSTEM_CALL, "there is no process " + pid);
    }
    if (result < 0) {
      throw Errno.failure("opening process " + pid, -result);
    }
    return new ProcessFd(Fd.owning(result), pid);
  }

  /**
   * Takes over a process descriptor that a peer sent. The peer chose it freely, so compare {@link
   * #pid()} with {@link PeerCredentials#pid()}: with another process it would never seem to end.
   *
   * @param fd the descriptor; on success it is the result's, on failure still the caller's
   * @return the process, owned by the caller
   * @throws ProtocolException {@link ErrorCode#MISSING_DESCRIPTOR} if it is no pidfd
   */
  public static ProcessFd adopt(Fd fd) {
    int number = fd.begin();
    try {
      for (String line : ProcLink.infoOf(number)) {
        if (line.startsWith(PID_LINE)) {
          int pid = Integer.parseInt(line.substring(PID_LINE.length()).trim());
          return new ProcessFd(fd, pid);
        }
      }
      throw new ProtocolException(
          ErrorCode.MISSING_DESCRIPTOR,
          "a process descriptor must be a pidfd, but the descriptor is "
              + ProcLink.targetOf(number));
    } finally {
      fd.end();
    }
  }

  /**
   * The process's number.
   *
   * @return its number when it was opened; -1 if it had ended by then, 0 if it is outside this PID
   *     namespace
   */
  public int pid() {
    return pid;
  }

  /**
   * Whether the process has ended.
   *
   * @return true from its end on, also before its parent has waited for it
   * @throws io.tensorbridge.BridgeClosedException if this object was closed
   */
  public boolean hasExited() {
    int number = fd.begin();
    try {
      return WaitCalls.awaitReadable(number, 0);
    } finally {
      fd.end();
    }
  }

  /**
   * The descriptor, to be passed to a peer or given to a {@link Poller}.
   *
   * @return the descriptor, still owned by this object
   */
  public Fd fd() {
    return fd;
  }

  /** Closes the descriptor; the process goes on. */
  @Override
  public void close() {
    fd.close();
  }

  @Override
  public String toString() {
    return "process " + pid;
  }
}
