package io.tensorbridge.shm;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ResourceException;
import io.tensorbridge.shm.internal.posix.Errno;
import io.tensorbridge.shm.internal.posix.SocketCalls;
import io.tensorbridge.shm.internal.posix.SocketMessage;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A connection to a process on this machine that carries whole messages and descriptors (Unix
 * socket of type {@code SOCK_SEQPACKET}); thread-safe.
 *
 * <p>Messages are for handshakes, so each is copied once and may lie in any segment. A message of
 * no bytes can't be told from the end of the connection: don't send one.
 */
public final class LocalSocket implements AutoCloseable {
  /** The most descriptors that one message carries. */
  public static final int MAX_DESCRIPTORS = SocketCalls.MAX_DESCRIPTORS;

  private final Fd fd;

  private LocalSocket(Fd fd) {
    this.fd = fd;
  }

  /**
   * Two connected sockets; {@link #close()} closes both.
   *
   * @param first one end
   * @param second the other end, for example to be inherited by a child
   */
  public record Pair(LocalSocket first, LocalSocket second) implements AutoCloseable {
    @Override
    public void close() {
      first.close();
      second.close();
    }
  }

  /**
   * Connects to a server.
   *
   * @param path where it listens, at most 107 bytes
   * @return the connection, owned by the caller
   * @throws ResourceException if nobody listens there, it belongs to another user, or the path is
   *     too long
   */
  public static LocalSocket connect(Path path) {
    byte[] address = SocketPath.bytesOf(path);
    LocalSocket socket = ofDescriptor(SocketCalls.socket());
    int result = SocketCalls.connect(socket.fd.number(), address);
    if (result < 0) {
      socket.close();
      throw SocketPath.notConnected(path, -result);
    }
    return socket;
  }

  /**
   * Creates two connected sockets.
   *
   * @return both ends, owned by the caller
   * @throws ResourceException if there are too many descriptors
   */
  public static Pair pair() {
    int[] numbers = SocketCalls.socketpair();
    return new Pair(ofDescriptor(numbers[0]), ofDescriptor(numbers[1]));
  }

  /**
   * Takes over a socket that this process was started with.
   *
   * @param number its descriptor
   * @return the connection, owned by the caller
   * @throws ResourceException if it is no open {@code SOCK_SEQPACKET} socket; it stays open then
   */
  public static LocalSocket ofInherited(int number) {
    if (!SocketCalls.isSeqpacket(number)) {
      throw new ResourceException(
          ErrorCode.SYSTEM_CALL,
          "descriptor " + number + " is a socket without whole messages; create it as"
              + " SOCK_SEQPACKET");
    }
    return new LocalSocket(Fd.ofInherited(number));
  }

  /** Owns a socket that was just created or accepted. */
  static LocalSocket ofDescriptor(int number) {
    return new LocalSocket(Fd.owning(number));
  }

  /**
   * Sends one message, waiting for room.
   *
   * @param message 1 byte or more
   * @param fds descriptors to pass, at most {@link #MAX_DESCRIPTORS}; the caller keeps its own
   * @throws BridgeClosedException if the peer has closed, or this socket is closed
   * @throws ResourceException if the message is too long for the socket's buffer
   */
  public void send(MemorySegment message, Fd... fds) {
    long result = sendOnce(message, true, fds);
    if (result < 0) {
      throw notSent(message, (int) -result);
    }
  }

  /**
   * Sends one message if there is room for it now; never waits.
   *
   * @param message 1 byte or more
   * @param fds descriptors to pass, at most {@link #MAX_DESCRIPTORS}; the caller keeps its own
   * @return false if the peer reads too slowly: nothing was sent
   * @throws BridgeClosedException if the peer has closed, or this socket is closed
   * @throws ResourceException if the message is too long for the socket's buffer
   */
  public boolean trySend(MemorySegment message, Fd... fds) {
    long result = sendOnce(message, false, fds);
    if (result < 0 && result != -Errno.EAGAIN) {
      throw notSent(message, (int) -result);
    }
    return result >= 0;
  }

  private long sendOnce(MemorySegment message, boolean mayBlock, Fd... fds) {
    if (message.byteSize() == 0 || fds.length > MAX_DESCRIPTORS) {
      throw new IllegalArgumentException(
          "a message has 1 byte or more and at most " + MAX_DESCRIPTORS + " descriptors, not "
              + message.byteSize() + " and " + fds.length);
    }
    int begun = 0;
    int socket = fd.begin();
    try {
      int[] numbers = new int[fds.length];
      for (; begun < fds.length; begun++) {
        numbers[begun] = fds[begun].begin();
      }
      return SocketCalls.sendmsg(socket, message, numbers, mayBlock);
    } finally {
      for (int i = 0; i < begun; i++) {
        fds[i].end();
      }
      fd.end();
    }
  }

  private static RuntimeException notSent(MemorySegment message, int errno) {
    return switch (errno) {
      case Errno.EPIPE, Errno.ECONNRESET, Errno.ENOTCONN ->
          new BridgeClosedException("the peer has closed the connection");
      case Errno.EMSGSIZE ->
          new ResourceException(
              ErrorCode.SYSTEM_CALL,
              "a message of " + message.byteSize() + " bytes does not fit into the socket's buffer;"
                  + " put it in shared memory");
      default -> Errno.failure("sending " + message.byteSize() + " bytes", errno);
    };
  }

  /**
   * Waits for one message.
   *
   * @param buffer where its bytes go
   * @param maxFds the most descriptors to accept, 0 to {@link #MAX_DESCRIPTORS}
   * @return the message; length 0 if the peer closed the connection, or this socket was closed
   *     meanwhile; or if the peer sent an empty message, which may have descriptors
   * @throws BridgeClosedException if this socket was closed before
   */
  public Received receive(MemorySegment buffer, int maxFds) {
    if (buffer.byteSize() == 0 || maxFds < 0 || maxFds > MAX_DESCRIPTORS) {
      throw new IllegalArgumentException(
          "a message needs a buffer and 0 to " + MAX_DESCRIPTORS + " descriptors, not "
              + buffer.byteSize() + " bytes and " + maxFds);
    }
    int socket = fd.begin();
    try {
      return received(SocketCalls.recvmsg(socket, buffer, maxFds));
    } finally {
      fd.end();
    }
  }

  private static Received received(SocketMessage message) {
    List<Fd> fds = new ArrayList<>();
    for (int number : message.fds()) {
      fds.add(Fd.owning(number));
    }
    if (message.length() > 0) {
      return new Received((int) message.length(), fds, message.truncated());
    }
    int errno = (int) -message.length();
    if (errno == 0 || errno == Errno.ECONNRESET || errno == Errno.ENOTCONN) {
      return new Received(0, fds, false);
    }
    throw Errno.failure("receiving a message", errno);
  }

  /**
   * Who is at the other end.
   *
   * @return the peer when it connected or listened, whoever holds its end now; for the ends of a
   *     {@link #pair()} the creator
   * @throws BridgeClosedException if this socket was closed
   */
  public PeerCredentials peerCredentials() {
    int socket = fd.begin();
    try {
      int[] ids = SocketCalls.peerCredentials(socket);
      return new PeerCredentials(ids[0], ids[1], ids[2]);
    } finally {
      fd.end();
    }
  }

  /**
   * The further groups of who is at the other end.
   *
   * @return group numbers of the peer when it connected, beside {@link PeerCredentials#gid()}
   * @throws BridgeClosedException if this socket was closed
   */
  public List<Integer> peerGroups() {
    int socket = fd.begin();
    try {
      return Arrays.stream(SocketCalls.peerGroups(socket)).boxed().toList();
    } finally {
      fd.end();
    }
  }

  /**
   * The socket's descriptor, for a {@link Poller}.
   *
   * @return the descriptor, still owned by the socket
   */
  public Fd fd() {
    return fd;
  }

  /**
   * Ends the connection at once, also for processes that hold a duplicate of either end, and wakes
   * threads that wait in {@link #receive}. The descriptor stays open.
   *
   * @throws BridgeClosedException if this socket was closed
   */
  public void shutdown() {
    int socket = fd.begin();
    try {
      SocketCalls.shutdown(socket);
    } finally {
      fd.end();
    }
  }

  /**
   * Closes this end. The peer sees the end of the connection once no duplicate of the end is left;
   * a thread that waits in {@link #receive} here is woken. Closing twice does nothing.
   */
  @Override
  public void close() {
    fd.close(SocketCalls::shutdown);
  }

  @Override
  public String toString() {
    return "socket on " + fd;
  }
}
