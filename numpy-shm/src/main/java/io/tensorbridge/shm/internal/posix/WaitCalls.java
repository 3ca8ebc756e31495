package io.tensorbridge.shm.internal.posix;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Waiting: event counters, polling one descriptor or many. */
public final class WaitCalls {
  private static final long EFD_CLOEXEC = 0x80000;
  private static final long EFD_NONBLOCK = 0x800;
  private static final long EPOLL_CLOEXEC = 0x80000;
  private static final long EPOLL_CTL_ADD = 1;
  private static final long EPOLL_CTL_DEL = 2;
  private static final long SIGNAL_SET_BYTES = 8;
  private static final long RESET_LONGS = 3;
  private static final long RWF_NOWAIT = 8;
  private static final long CURRENT_POSITION = -1;

  private WaitCalls() {}

  /**
   * An event counter at 0 that never blocks and is closed on exec.
   *
   * @return the descriptor
   */
  public static int eventfd() {
    return (int) Kernel.require(
        Syscall.EVENTFD2, Kernel.call(Syscall.EVENTFD2, 0, EFD_CLOEXEC | EFD_NONBLOCK), "0");
  }

  /**
   * The memory that {@link #reset} needs; calls may share it.
   *
   * @return native memory of the garbage collector
   */
  public static MemorySegment resetScratch() {
    MemorySegment scratch = Arena.ofAuto().allocate(ValueLayout.JAVA_LONG, RESET_LONGS);
    // struct iovec, then the old value, which nobody needs
    scratch.setAtIndex(ValueLayout.JAVA_LONG, 0, scratch.address() + 2 * Long.BYTES);
    scratch.setAtIndex(ValueLayout.JAVA_LONG, 1, Long.BYTES);
    return scratch;
  }

  /**
   * Resets an event counter. Never waits, even where a peer has made the descriptor block.
   *
   * @param fd an event counter
   * @param scratch of {@link #resetScratch()}
   */
  public static void reset(int fd, MemorySegment scratch) {
    long result =
        Kernel.callLean(
            Syscall.PREADV2, fd, scratch.address(), 1, CURRENT_POSITION, CURRENT_POSITION,
            RWF_NOWAIT);
    if (result != -Errno.EAGAIN) {
      Kernel.require(Syscall.PREADV2, result, Integer.toString(fd));
    }
  }

  /**
   * Waits until a descriptor can be read or is at its end.
   *
   * @param fd the descriptor
   * @param timeoutNanos how long, 0 to look only, negative for ever
   * @return whether it can be read
   */
  public static boolean awaitReadable(int fd, long timeoutNanos) {
    return await(fd, PollLayout.POLLIN, timeoutNanos);
  }

  /**
   * Whether a descriptor can be written now.
   *
   * @param fd the descriptor
   * @return false if a write would wait
   */
  public static boolean isWritable(int fd) {
    return await(fd, PollLayout.POLLOUT, 0);
  }

  private static boolean await(int fd, short events, long timeoutNanos) {
    MemorySegment scratch = ThreadScratch.current();
    long pollfd = ThreadScratch.POLLFD_OFFSET;
    long timespec = ThreadScratch.TIMESPEC_OFFSET;
    PollLayout.pollfd(scratch, pollfd, fd, events);
    PollLayout.timespec(scratch, timespec, Math.max(0, timeoutNanos));
    long base = scratch.address();
    // After an interruption the kernel has left the remaining time in the timespec.
    long result =
        Kernel.call(
            Syscall.PPOLL, base + pollfd, 1, timeoutNanos < 0 ? 0 : base + timespec, 0);
    return Kernel.require(Syscall.PPOLL, result, Integer.toString(fd)) > 0;
  }

  /**
   * A set of descriptors to wait for, closed on exec.
   *
   * @return the descriptor of the set
   */
  public static int epollCreate() {
    return (int) Kernel.require(
        Syscall.EPOLL_CREATE1, Kernel.call(Syscall.EPOLL_CREATE1, EPOLL_CLOEXEC, 0), "");
  }

  /**
   * Adds a descriptor to a set, level-triggered, for input and hangup.
   *
   * @param epoll the set
   * @param fd the descriptor
   * @param key what {@link #epollWait} shall report for it
   */
  public static void epollAdd(int epoll, int fd, long key) {
    add(epoll, fd, EpollEventLayout.EPOLLIN | EpollEventLayout.EPOLLRDHUP, key);
  }

  /**
   * Adds an event counter to a set, edge-triggered: reported once for each time it is raised.
   *
   * @param epoll the set
   * @param fd the event counter
   * @param key what {@link #epollWait} shall report for it
   */
  public static void epollAddEdge(int epoll, int fd, long key) {
    add(epoll, fd, EpollEventLayout.EPOLLIN | EpollEventLayout.EPOLLET, key);
  }

  private static void add(int epoll, int fd, int interest, long key) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment event = arena.allocate(EpollEventLayout.BYTES, 8);
      EpollEventLayout.write(event, interest, key);
      Kernel.require(
          Syscall.EPOLL_CTL,
          Kernel.call(Syscall.EPOLL_CTL, epoll, EPOLL_CTL_ADD, fd, event.address()),
          "add " + fd);
    }
  }

  /**
   * Removes a descriptor from a set.
   *
   * @param epoll the set
   * @param fd the descriptor
   */
  public static void epollRemove(int epoll, int fd) {
    Kernel.require(
        Syscall.EPOLL_CTL,
        Kernel.call(Syscall.EPOLL_CTL, epoll, EPOLL_CTL_DEL, fd),
        "remove " + fd);
  }

  /**
   * The memory that {@link #epollWait} writes to.
   *
   * @param events the most events to report at once
   * @return native memory of the garbage collector
   */
  public static MemorySegment epollEvents(int events) {
    return Arena.ofAuto().allocate(events * EpollEventLayout.BYTES, 8);
  }

  /**
   * Waits until a descriptor of a set is ready, not resumed after an interruption.
   *
   * @param epoll the set
   * @param events of {@link #epollEvents}
   * @param limit the most events to report
   * @param timeoutMillis how long, 0 to look only, negative for ever
   * @return the number of events, 0 after the time, or the negated error number
   */
  public static int epollWait(int epoll, MemorySegment events, int limit, int timeoutMillis) {
    long address = events.address();
    // To wait again after an interruption would be to wait twice as long.
    return (int) (timeoutMillis > 0
        ? Kernel.callOnce(
            Syscall.EPOLL_PWAIT, epoll, address, limit, timeoutMillis, 0, SIGNAL_SET_BYTES)
        : Kernel.callLean(
            Syscall.EPOLL_PWAIT, epoll, address, limit, timeoutMillis, 0, SIGNAL_SET_BYTES));
  }

  /** Links what makes no object in calls that a busy server makes all the time. */
  public static void linkLean() {
    Kernel.linkLean();
  }

  /**
   * Raises an event counter.
   *
   * @param eventfd the counter
   * @param value 8 bytes: by how much
   * @return 8, or the negated error number
   */
  public static long raise(int eventfd, MemorySegment value) {
    return Kernel.callLean(Syscall.WRITE, eventfd, value.address(), Long.BYTES, 0, 0, 0);
  }

  /**
   * The key of an event.
   *
   * @param events filled by {@link #epollWait}
   * @param index which event
   * @return the key given to {@link #epollAdd}
   */
  public static long epollKey(MemorySegment events, int index) {
    return EpollEventLayout.key(events, index);
  }
}
