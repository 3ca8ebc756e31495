package io.tensorbridge.shm.internal.posix;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Unix sockets of type {@code SOCK_SEQPACKET}: whole messages, with descriptors. */
public final class SocketCalls {
  /** The longest path of a socket. */
  public static final int MAX_PATH_BYTES = UnixAddressLayout.MAX_PATH_BYTES;
  /** The most descriptors that the kernel takes with one message. */
  public static final int MAX_DESCRIPTORS = 253;

  private static final long SOCK_SEQPACKET = 5;
  private static final long SOCK_CLOEXEC = 0x80000;
  private static final long MSG_DONTWAIT = 0x40;
  private static final long MSG_NOSIGNAL = 0x4000;
  private static final long MSG_CMSG_CLOEXEC = 0x40000000;
  private static final long SOL_SOCKET = 1;
  private static final long SO_TYPE = 3;
  private static final long SO_SNDBUF = 7;
  private static final long SO_PEERCRED = 17;
  private static final long SO_PEERGROUPS = 59;
  private static final long SHUT_RDWR = 2;
  private static final int MAX_GROUPS = 65536;
  private static final int CREDENTIAL_INTS = 3;

  private SocketCalls() {}

  /**
   * A new socket, closed on exec.
   *
   * @return the descriptor
   */
  public static int socket() {
    return (int) Kernel.require(
        Syscall.SOCKET,
        Kernel.call(
            Syscall.SOCKET, UnixAddressLayout.AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0),
        "AF_UNIX, SOCK_SEQPACKET");
  }

  /**
   * Two connected sockets, closed on exec.
   *
   * @return their descriptors
   */
  public static int[] socketpair() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment fds = arena.allocate(ValueLayout.JAVA_INT, 2);
      Kernel.require(
          Syscall.SOCKETPAIR,
          Kernel.call(
              Syscall.SOCKETPAIR,
              UnixAddressLayout.AF_UNIX,
              SOCK_SEQPACKET | SOCK_CLOEXEC,
              0,
              fds.address()),
          "AF_UNIX, SOCK_SEQPACKET");
      return fds.toArray(ValueLayout.JAVA_INT);
    }
  }

  /**
   * Gives a socket a path.
   *
   * @param fd the socket
   * @param path at most {@link #MAX_PATH_BYTES} bytes
   * @return 0, or the negated error number
   */
  public static int bind(int fd, byte[] path) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment address = UnixAddressLayout.of(path, arena);
      return (int) Kernel.call(Syscall.BIND, fd, address.address(), address.byteSize());
    }
  }

  /**
   * Lets clients connect.
   *
   * @param fd a bound socket
   * @param backlog how many may wait to be accepted
   */
  public static void listen(int fd, int backlog) {
    Kernel.require(
        Syscall.LISTEN, Kernel.call(Syscall.LISTEN, fd, backlog), Integer.toString(fd));
  }

  /**
   * Waits for the next client.
   *
   * @param fd a listening socket
   * @return the connection's descriptor, closed on exec, or the negated error number
   */
  public static int accept(int fd) {
    return (int) Kernel.call(Syscall.ACCEPT4, fd, 0, 0, SOCK_CLOEXEC);
  }

  /**
   * Connects a socket to a path.
   *
   * @param fd the socket
   * @param path at most {@link #MAX_PATH_BYTES} bytes
   * @return 0, or the negated error number
   */
  public static int connect(int fd, byte[] path) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment address = UnixAddressLayout.of(path, arena);
      return (int) Kernel.call(Syscall.CONNECT, fd, address.address(), address.byteSize());
    }
  }

  /**
   * Whether somebody listens on a path; does not wait for room in a full backlog.
   *
   * @param fd a fresh socket, of no use afterwards
   * @param path at most {@link #MAX_PATH_BYTES} bytes
   * @return false only if nobody can be behind the path
   */
  public static boolean wouldAnswer(int fd, byte[] path) {
    DescriptorCalls.setBlocking(fd, false);
    int result = connect(fd, path);
    return result != -Errno.ECONNREFUSED && result != -Errno.ENOENT;
  }

  /**
   * Sends one message. The bytes are copied first, so any segment will do.
   *
   * @param fd a connected socket
   * @param data the message
   * @param fds descriptors to pass, at most {@link #MAX_DESCRIPTORS}; they stay open here
   * @param mayBlock whether to wait for room
   * @return bytes sent, or the negated error number
   */
  public static long sendmsg(int fd, MemorySegment data, int[] fds, boolean mayBlock) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate(data.byteSize(), 8).copyFrom(data);
      MemorySegment message = MessageLayout.of(copy, arena);
      if (fds.length > 0) {
        MessageLayout.control(message, ControlLayout.ofDescriptors(fds, arena));
      }
      long flags = mayBlock ? MSG_NOSIGNAL : MSG_NOSIGNAL | MSG_DONTWAIT;
      return Kernel.call(Syscall.SENDMSG, fd, message.address(), flags);
    }
  }

  /**
   * Waits for one message.
   *
   * @param fd a connected socket
   * @param buffer where its bytes go, any writable segment
   * @param maxFds the most descriptors to accept
   * @return the message
   */
  public static SocketMessage recvmsg(int fd, MemorySegment buffer, int maxFds) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate(buffer.byteSize(), 8);
      MemorySegment message = MessageLayout.of(data, arena);
      MemorySegment control = ControlLayout.room(maxFds, arena);
      if (maxFds > 0) {
        MessageLayout.control(message, control);
      }
      long length = Kernel.call(Syscall.RECVMSG, fd, message.address(), MSG_CMSG_CLOEXEC);
      if (length < 0) {
        return new SocketMessage(length, new int[0], false);
      }
      buffer.copyFrom(data.asSlice(0, length));
      int[] fds = ControlLayout.descriptors(control, MessageLayout.controlLength(message));
      int lost = MessageLayout.MSG_TRUNC | MessageLayout.MSG_CTRUNC;
      return new SocketMessage(length, fds, (MessageLayout.flags(message) & lost) != 0);
    }
  }

  /**
   * Who connected: SO_PEERCRED.
   *
   * @param fd a connected socket
   * @return process, user and group
   */
  public static int[] peerCredentials(int fd) {
    return option(fd, SO_PEERCRED, CREDENTIAL_INTS);
  }

  /**
   * The further groups of who connected: SO_PEERGROUPS.
   *
   * @param fd a connected socket
   * @return group numbers
   */
  public static int[] peerGroups(int fd) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(ValueLayout.JAVA_INT, MAX_GROUPS);
      MemorySegment length = arena.allocateFrom(ValueLayout.JAVA_INT, (int) value.byteSize());
      Kernel.require(
          Syscall.GETSOCKOPT,
          Kernel.call(
              Syscall.GETSOCKOPT, fd, SOL_SOCKET, SO_PEERGROUPS, value.address(),
              length.address(), 0),
          fd + ", SO_PEERGROUPS");
      return value.asSlice(0, length.get(ValueLayout.JAVA_INT, 0)).toArray(ValueLayout.JAVA_INT);
    }
  }

  /**
   * Whether a descriptor is a socket of whole messages.
   *
   * @param fd a socket
   * @return true for {@code SOCK_SEQPACKET}
   */
  public static boolean isSeqpacket(int fd) {
    return option(fd, SO_TYPE, 1)[0] == SOCK_SEQPACKET;
  }

  /**
   * Sets how many bytes may wait to be received by the peer.
   *
   * @param fd a socket
   * @param byteSize the kernel doubles it and keeps it within its limits
   */
  public static void setSendBuffer(int fd, int byteSize) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocateFrom(ValueLayout.JAVA_INT, byteSize);
      Kernel.require(
          Syscall.SETSOCKOPT,
          Kernel.call(
              Syscall.SETSOCKOPT, fd, SOL_SOCKET, SO_SNDBUF, value.address(), value.byteSize(), 0),
          fd + ", SO_SNDBUF");
    }
  }

  /**
   * Ends a connection for all who hold it, and wakes those who wait on it; no error if it is over.
   *
   * @param fd a socket
   */
  public static void shutdown(int fd) {
    long _ = Kernel.call(Syscall.SHUTDOWN, fd, SHUT_RDWR);
  }

  private static int[] option(int fd, long option, int count) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(ValueLayout.JAVA_INT, count);
      MemorySegment length = arena.allocateFrom(ValueLayout.JAVA_INT, (int) value.byteSize());
      Kernel.require(
          Syscall.GETSOCKOPT,
          Kernel.call(
              Syscall.GETSOCKOPT, fd, SOL_SOCKET, option, value.address(), length.address(), 0),
          fd + ", option " + option);
      return value.toArray(ValueLayout.JAVA_INT);
    }
  }
}
