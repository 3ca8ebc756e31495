package io.tensorbridge.batch;

import io.tensorbridge.BridgeTimeoutException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.ServerDiedException;
import io.tensorbridge.batch.wire.MessageHeader;
import io.tensorbridge.batch.wire.MessageType;
import io.tensorbridge.batch.wire.Observation;
import io.tensorbridge.batch.wire.Observe;
import io.tensorbridge.batch.wire.ObservedClient;
import io.tensorbridge.shm.LocalSocket;
import io.tensorbridge.shm.Poller;
import io.tensorbridge.shm.Received;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A look at a server from outside, without becoming its client.
 *
 * <p>The server's user and root see everything; other users see their own clients only, and numbers
 * of the server that sum up these.
 */
public final class ServerView {
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private ServerView() {}

  /**
   * Looks once.
   *
   * @param socketPath where the server listens
   * @return the server and all its clients that may be seen
   * @throws io.tensorbridge.BridgeException if nobody listens there, or the server refuses or is
   *     silent
   */
  public static Observation of(Path socketPath) {
    try (LocalSocket socket = LocalSocket.connect(socketPath);
        Poller poller = new Poller();
        Arena arena = Arena.ofConfined()) {
      poller.add(socket.fd(), 0);
      MemorySegment buffer = arena.allocate(MessageHeader.MAX_MESSAGE_BYTES, Long.BYTES);
      List<ObservedClient> clients = new ArrayList<>();
      long after = 0;
      int request = 0;
      while (true) {
        Observation page = ask(socket, poller, buffer, ++request, after);
        clients.addAll(page.clients());
        if (!page.more() || page.clients().isEmpty()) {
          return new Observation(page.server(), clients, false);
        }
        after = page.clients().getLast().id();
      }
    }
  }

  private static Observation ask(
      LocalSocket socket, Poller poller, MemorySegment buffer, int request, long after) {
    Observe.write(buffer, 0, request, after);
    socket.send(buffer.asSlice(0, Observe.BYTES));
    if (poller.await(PATIENCE.toNanos(), new long[1]) == 0) {
      throw new BridgeTimeoutException(
          "the server did not answer for " + PATIENCE.toSeconds()
              + " seconds; it may be stopped");
    }
    Received received = socket.receive(buffer, 0);
    received.closeFds();
    if (received.length() == 0) {
      throw new ServerDiedException("the server closed the connection");
    }
    ServerMessage answer = ServerMessage.copyOf(buffer.asSlice(0, received.length()));
    return switch (answer.type()) {
      case OBSERVATION -> Observation.read(answer.bytes(), 0);
      case ERROR -> throw answer.error();
      case HELLO, WELCOME, REGISTER, RELEASE, OK, OPERATIONS, OPERATION_LIST, GOODBYE, OBSERVE ->
          throw new ProtocolException(
              ErrorCode.UNKNOWN_MESSAGE,
              "the server answered " + MessageType.OBSERVE + " with " + answer.type());
    };
  }
}
