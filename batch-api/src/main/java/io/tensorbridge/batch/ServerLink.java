package io.tensorbridge.batch;

import io.tensorbridge.Access;
import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.BridgeException;
import io.tensorbridge.BridgeTimeoutException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.ServerDiedException;
import io.tensorbridge.batch.wire.ControlLayout;
import io.tensorbridge.batch.wire.Hello;
import io.tensorbridge.batch.wire.MessageHeader;
import io.tensorbridge.batch.wire.MessageType;
import io.tensorbridge.batch.wire.OperationList;
import io.tensorbridge.batch.wire.RegionAccess;
import io.tensorbridge.batch.wire.Register;
import io.tensorbridge.batch.wire.Release;
import io.tensorbridge.batch.wire.Welcome;
import io.tensorbridge.shm.Doorbell;
import io.tensorbridge.shm.Fd;
import io.tensorbridge.shm.LocalSocket;
import io.tensorbridge.shm.Poller;
import io.tensorbridge.shm.ProcessFd;
import io.tensorbridge.shm.Received;
import io.tensorbridge.shm.SharedRegion;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The client's end of the socket: handshake, requests and their answers, and the news that the
 * server died; thread-safe.
 *
 * <p>One thread calls {@link #readMessage()} whenever the socket is ready; it completes the requests
 * of the others and must make none itself.
 */
final class ServerLink implements RegionPool.Registrar, AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final LocalSocket socket;
  private final SharedRegion control;
  private final Doorbell serverBell;
  private final Doorbell clientBell;
  private final BellWatch watch;
  private final PeerBell serverRings;
  private final PeerBell clientRings;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment incoming = arena.allocate(MessageHeader.MAX_MESSAGE_BYTES, 8);
  private final MemorySegment rings;
  private final Map<Integer, CompletableFuture<ServerMessage>> requests = new ConcurrentHashMap<>();
  private final AtomicInteger nextRequest = new AtomicInteger();
  private Welcome.Limits limits = new Welcome.Limits(0, 0, 0, 0, 0, 0);
  private volatile @Nullable BridgeException end;

  @SuppressWarnings("restricted")
  private ServerLink(
      LocalSocket socket,
      SharedRegion control,
      Doorbell server,
      Doorbell client,
      BellWatch watch) {
    this.socket = socket;
    this.control = control;
    this.serverBell = server;
    this.clientBell = client;
    this.watch = watch;
    this.serverRings = new PeerBell(server, watch, this::bellBlocked);
    this.clientRings = new PeerBell(client, watch, this::bellBlocked);
    this.rings = control.region().segment().reinterpret(arena, null);
  }

  /**
   * Joins a server.
   *
   * @param socket the connection; closed by the link, also if the handshake fails
   * @throws BridgeException if the server refuses, or is silent for too long
   */
  static ServerLink join(LocalSocket socket, int ringEntries) {
    Deque<AutoCloseable> opened = new ArrayDeque<>();
    opened.push(socket);
    try {
      SharedRegion control =
          SharedRegion.create(
              "tensorbridge-control", ControlLayout.byteLength(ringEntries), Access.READWRITE);
      opened.push(control);
      Doorbell server = Doorbell.create();
      opened.push(server);
      Doorbell client = Doorbell.create();
      opened.push(client);
      ControlLayout.initialize(control.region().segment(), ringEntries);
      BellWatch watch = BellWatch.start();
      opened.push(watch);
      ServerLink link = new ServerLink(socket, control, server, client, watch);
      opened.push(link.arena);
      link.sendHello(ringEntries);
      link.limits = link.receiveWelcome();
      return link;
    } catch (RuntimeException | Error failure) {
      opened.forEach(resource -> closeBeside(failure, resource));
      throw failure;
    }
  }

  private static void closeBeside(Throwable failure, AutoCloseable resource) {
    try {
      resource.close();
    } catch (Exception second) {
      failure.addSuppressed(second);
    }
  }

  private void sendHello(int ringEntries) {
    int pid = (int) ProcessHandle.current().pid();
    try (Arena scratch = Arena.ofConfined();
        ProcessFd self = ProcessFd.open(pid)) {
      MemorySegment message = scratch.allocate(Hello.BYTES, 8);
      Hello.write(message, 0, nextRequestId(), ringEntries, control.byteSize(), pid);
      socket.send(message, control.fd(), serverBell.fd(), clientBell.fd(), self.fd());
    }
  }

  private Welcome.Limits receiveWelcome() {
    try (Poller poller = new Poller()) {
      poller.add(socket.fd(), 0);
      if (poller.await(PATIENCE.toNanos(), new long[1]) == 0) {
        throw silent();
      }
    }
    ServerMessage answer = receive();
    if (answer == null) {
      throw new ServerDiedException("the server closed the connection during the handshake");
    }
    return answer.requireWelcome();
  }

  Welcome.Limits limits() {
    return limits;
  }

  /** The control region; after {@link #close()} every access throws. */
  MemorySegment control() {
    return rings;
  }

  /** Wakes the server. */
  void ringServer() {
    serverRings.ring();
  }

  /** Wakes the thread of this client that sleeps on its doorbell. */
  void ringClient() {
    clientRings.ring();
  }

  /** The client's doorbell: to wait for, not to ring. */
  Doorbell clientBell() {
    return clientBell;
  }

  private void bellBlocked() {
    end(
        new ProtocolException(
            ErrorCode.BAD_FLAGS,
            "the server made a doorbell block, and filled it; open a new connection"));
    try {
      socket.shutdown(); // the reader thread tells the others
    } catch (BridgeClosedException closed) {
      // They have been told.
    }
  }

  Fd socketFd() {
    return socket.fd();
  }

  /** Why the connection is over; null while it lives. */
  @Nullable
  BridgeException end() {
    return end;
  }

  @Override
  public void register(int id, RegionAccess access, long byteSize, Fd fd) {
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment message = scratch.allocate(Register.BYTES, 8);
      int request = nextRequestId();
      Register.write(
          message, 0, request, id, PoolRegion.GENERATION, access, byteSize);
      ask(request, message, fd);
    }
  }

  /** Has the server unmap a region, and so free its quota. */
  @Override
  public void release(int id) {
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment message = scratch.allocate(Release.BYTES, 8);
      int request = nextRequestId();
      Release.write(message, 0, request, id, PoolRegion.GENERATION);
      ask(request, message);
    } catch (BridgeException failure) {
      if (end == null) {
        throw failure;
      }
    }
  }

  List<OperationList.Operation> operations() {
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment message = scratch.allocate(MessageHeader.BYTES, 8);
      int request = nextRequestId();
      MessageHeader.write(message, 0, MessageType.OPERATIONS, request, MessageHeader.BYTES);
      return ask(request, message).operations();
    }
  }

  private ServerMessage ask(int request, MemorySegment message, Fd... fds) {
    CompletableFuture<ServerMessage> answer = new CompletableFuture<>();
    requests.put(request, answer);
    try {
      requireAlive();
      socket.send(message, fds);
      return Waiting.forResult(answer, PATIENCE.toNanos(), ServerLink::silent);
    } catch (BridgeClosedException gone) {
      BridgeException reason = end;
      throw reason == null ? gone : Waiting.again(reason);
    } finally {
      requests.remove(request);
    }
  }

  void requireAlive() {
    BridgeException reason = end;
    if (reason != null) {
      throw Waiting.again(reason);
    }
  }

  /**
   * Reads one message, or the end of the connection.
   *
   * @return false once the connection is over
   */
  boolean readMessage() {
    try {
      ServerMessage message = receive();
      if (message == null) {
        end(new ServerDiedException("the server closed the connection, or its process ended"));
        return false;
      }
      return dispatch(message);
    } catch (BridgeException failure) {
      end(failure);
      return false;
    }
  }

  private boolean dispatch(ServerMessage message) {
    boolean isError = message.type() == MessageType.ERROR;
    if (isError && message.requestId() == 0) {
      end(message.error());
      return false;
    }
    CompletableFuture<ServerMessage> answer = requests.get(message.requestId());
    if (answer != null && isError) {
      answer.completeExceptionally(message.error());
    } else if (answer != null) {
      answer.complete(message);
    }
    return true;
  }

  private @Nullable ServerMessage receive() {
    Received received = socket.receive(incoming, 0);
    received.closeFds();
    if (received.length() == 0) {
      return null;
    }
    return ServerMessage.copyOf(incoming.asSlice(0, received.length()));
  }

  /** Ends the connection for all who wait; the first reason stays. */
  synchronized void end(BridgeException reason) {
    BridgeException first = end;
    if (first == null) {
      first = reason;
      end = reason;
    }
    for (CompletableFuture<ServerMessage> answer : requests.values()) {
      answer.completeExceptionally(first);
    }
  }

  /** Takes leave of the server, so that it need not wonder whether this process died. */
  void sayGoodbye() {
    try (Arena scratch = Arena.ofConfined()) {
      MemorySegment message = scratch.allocate(MessageHeader.BYTES, 8);
      MessageHeader.write(
          message, 0, MessageType.GOODBYE, nextRequestId(), MessageHeader.BYTES);
      socket.trySend(message);
    } catch (BridgeException gone) {
      // It has gone first.
    }
  }

  private int nextRequestId() {
    int id = nextRequest.incrementAndGet();
    return id != 0 ? id : nextRequest.incrementAndGet();
  }

  private static BridgeTimeoutException silent() {
    return new BridgeTimeoutException(
        "the server did not answer for " + PATIENCE.toSeconds() + " seconds; it may be stopped");
  }

  /** Closes everything; nobody submits any more, and whoever waited has been told. */
  @Override
  public void close() {
    socket.close();
    clientRings.ring(); // whoever is about to sleep on it
    serverRings.closeAfterRings();
    clientRings.closeAfterRings();
    watch.close();
    serverBell.discard();
    clientBell.discard();
    arena.close();
    control.close();
  }
}
