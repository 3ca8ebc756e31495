package io.tensorbridge.shm;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.ResourceException;
import io.tensorbridge.shm.internal.posix.Errno;
import io.tensorbridge.shm.internal.posix.SocketCalls;
import java.nio.file.Path;

/**
 * A path on which processes of this machine, and of this user, can connect; thread-safe.
 *
 * <p>The directory is created with mode 0700 where it is missing, and the socket has mode 0600. A
 * socket left by a dead server is replaced, a living one is not.
 */
public final class LocalServerSocket implements AutoCloseable {
  private static final int BACKLOG = 128;

  private final Fd fd;
  private final BoundPath path;

  private LocalServerSocket(Fd fd, BoundPath path) {
    this.fd = fd;
    this.path = path;
  }

  /**
   * Begins to listen.
   *
   * @param path where, at most 107 bytes; missing directories are created
   * @return the listening socket, owned by the caller
   * @throws ResourceException if another server listens there, the path is too long or taken by
   *     something that is no socket, or the directory is writable by others
   */
  public static LocalServerSocket bind(Path path) {
    return bind(path, false);
  }

  /**
   * Begins to listen, also for processes of other users if so wished.
   *
   * @param path where, at most 107 bytes; missing directories are created
   * @param forOthers whether any user may connect, so that whoever accepts must look at {@link
   *     LocalSocket#peerCredentials()}; a missing directory is then created with mode 0711, and the
   *     socket has mode 0666
   * @return the listening socket, owned by the caller
   * @throws ResourceException if another server listens there, the path is too long or taken by
   *     something that is no socket, the directory is writable by others, or others are meant to
   *     connect but can't reach it
   */
  public static LocalServerSocket bind(Path path, boolean forOthers) {
    byte[] address = SocketPath.bytesOf(path);
    BoundPath.prepare(path, forOthers);
    Fd fd = Fd.owning(SocketCalls.socket());
    try {
      int result = SocketCalls.bind(fd.number(), address);
      if (result < 0) {
        throw Errno.failure("listening on " + path, -result);
      }
      BoundPath bound = BoundPath.protect(path, forOthers);
      SocketCalls.listen(fd.number(), BACKLOG);
      return new LocalServerSocket(fd, bound);
    } catch (RuntimeException | Error failure) {
      fd.close();
      throw failure;
    }
  }

  /**
   * Waits for the next client.
   *
   * @return the connection, owned by the caller
   * @throws BridgeClosedException if this socket was closed, also while waiting
   * @throws ResourceException {@code OUT_OF_DESCRIPTORS} if there are too many: the client still
   *     waits, so close something before the next call
   */
  public LocalSocket accept() {
    int socket = fd.begin();
    try {
      int result = SocketCalls.accept(socket);
      if (result == -Errno.EINVAL) {
        throw new BridgeClosedException("the listening socket on " + path.path() + " was closed");
      }
      if (result < 0) {
        throw Errno.failure("accepting a client on " + path.path(), -result);
      }
      return LocalSocket.ofDescriptor(result);
    } finally {
      fd.end();
    }
  }

  /**
   * Where clients connect.
   *
   * @return the path given to {@link #bind}
   */
  public Path path() {
    return path.path();
  }

  /**
   * The socket's descriptor, for a {@link Poller}: ready when a client waits.
   *
   * @return the descriptor, still owned by the socket
   */
  public Fd fd() {
    return fd;
  }

  /**
   * Stops listening and removes the path, unless it is another server's by now; wakes a thread in
   * {@link #accept}. Connections go on.
   */
  @Override
  public void close() {
    path.remove();
    fd.close(SocketCalls::shutdown);
  }

  @Override
  public String toString() {
    return "server socket on " + path.path();
  }
}
