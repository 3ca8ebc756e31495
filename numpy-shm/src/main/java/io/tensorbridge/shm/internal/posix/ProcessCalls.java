package io.tensorbridge.shm.internal.posix;

/** Processes by descriptor. */
public final class ProcessCalls {
  private ProcessCalls() {}

  /**
   * A descriptor of a process, closed on exec; readable once the process has ended.
   *
   * @param pid the process
   * @return the descriptor, or the negated error number
   */
  public static int pidfdOpen(int pid) {
    return (int) Kernel.call(Syscall.PIDFD_OPEN, pid, 0);
  }

  /**
   * Sends a signal.
   *
   * @param pidfd the process
   * @param signal its number, 0 to only check whether it may be sent
   * @return 0, or the negated error number
   */
  public static int sendSignal(int pidfd, int signal) {
    return (int) Kernel.call(Syscall.PIDFD_SEND_SIGNAL, pidfd, signal, 0, 0);
  }
}
