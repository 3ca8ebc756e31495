package io.tensorbridge.batch;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.QuotaException;
import io.tensorbridge.batch.wire.ErrorMessage;
import io.tensorbridge.batch.wire.HeldCounts;
import io.tensorbridge.batch.wire.MessageHeader;
import io.tensorbridge.batch.wire.MessageType;
import io.tensorbridge.batch.wire.Observation;
import io.tensorbridge.batch.wire.Observe;
import io.tensorbridge.batch.wire.ObservedClient;
import io.tensorbridge.batch.wire.OperationList;
import io.tensorbridge.batch.wire.RegionAccess;
import io.tensorbridge.batch.wire.Register;
import io.tensorbridge.batch.wire.Release;
import io.tensorbridge.batch.wire.Welcome;
import io.tensorbridge.shm.Fd;
import io.tensorbridge.shm.LocalSocket;
import io.tensorbridge.shm.PeerCredentials;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One client, from its connection to the end of its last batch; used by the dispatcher only. */
final class ClientSession {
  /** At most so many submissions are taken before the next client has its turn. */
  private static final int TURN = 64;

  /** After so long no other submission is begun before the next client has had its turn. */
  static final long TURN_NANOS = 50_000;

  private final Dispatcher dispatcher;
  private final Engine engine;
  private final LocalSocket socket;
  private final PeerCredentials peer;
  private final ClientWatch watch;
  private final @Nullable QuotaException refusal;
  private final RegionTable regions;
  private final Map<Integer, Integer> releases = new HashMap<>();

  private @Nullable Live live;
  private boolean silent = true;
  private boolean mayNotSendMore;
  private boolean leaving;
  private boolean finished;
  private ErrorCode endCode = ErrorCode.OK;

  /** What exists after the handshake. */
  private record Live(
      Connection connection,
      SubmissionRing submissions,
      CompletionRing completions,
      PeerBell bell,
      ClientBatches batches,
      SubmissionRunner runner) {}

  /**
   * A connection.
   *
   * @param id counts the connections of the server, from 1
   * @param refusal what is said to a HELLO if the connection may only observe, else null
   */
  ClientSession(
      Dispatcher dispatcher,
      Engine engine,
      LocalSocket socket,
      long id,
      @Nullable QuotaException refusal) {
    this.refusal = refusal;
    this.dispatcher = dispatcher;
    this.engine = engine;
    this.socket = socket;
    this.peer = socket.peerCredentials();
    this.watch = new ClientWatch(id, peer, engine.events());
    this.regions =
        new RegionTable(
            engine.options(),
            engine.counters(),
            watch,
            engine.unmapper(),
            region -> dispatcher.execute(() -> regionUnmapped(region)));
    engine.counters().clients.incrementAndGet();
  }

  LocalSocket socket() {
    return socket;
  }

  @Nullable
  Connection connection() {
    return live == null ? null : live.connection();
  }

  /** Why the client was cut off, or OK. */
  ErrorCode endCode() {
    return endCode;
  }

  /** Whether it came when the server was full, and so will never be a client. */
  boolean mayOnlyObserve() {
    return refusal != null;
  }

  boolean isClientOf(int user) {
    return peer.uid() == user && !mayOnlyObserve();
  }

  /** Whether nothing has come from the connection, which is still there. */
  boolean isSilent() {
    return silent && !leaving;
  }

  boolean isFinished() {
    return finished;
  }

  @Override
  public String toString() {
    return "client " + peer.pid();
  }

  // ---- messages ----

  /**
   * Reads one message.
   *
   * @param buffer private memory for it
   */
  void receive(MemorySegment buffer) {
    if (leaving) {
      return;
    }
    IncomingMessage message = IncomingMessage.receive(socket, buffer, this::discard);
    if (message == null) {
      leave("has closed the connection");
      return;
    }
    silent = false;
    try {
      answer(message);
    } catch (BridgeException refused) {
      watch.dispatcher().refused(refused);
      sendError(message.requestId(), refused);
    } catch (IncomingMessage.FramingException broken) {
      fail(broken.refusal());
    } finally {
      message.closeFds();
    }
    if (mayNotSendMore) {
      fail(DescriptorCloser.refusal());
    }
  }

  private void discard(Fd fd) {
    mayNotSendMore |= !engine.closer().close(peer.uid(), fd);
  }

  private void answer(IncomingMessage message) throws IncomingMessage.FramingException {
    MessageType type = message.requireType(live != null);
    switch (type) {
      case HELLO -> hello(message);
      case REGISTER -> register(message);
      case RELEASE -> release(message);
      case OPERATIONS -> {
        message.requireNoReserved();
        List<OperationList.Operation> operations = dispatcher.operations();
        MemorySegment answer = dispatcher.answerBuffer();
        int length = OperationList.write(answer, 0, message.requestId(), operations);
        send(answer.asSlice(0, length));
      }
      case GOODBYE -> leave("said goodbye");
      case OBSERVE -> observe(message);
      case WELCOME, OK, OPERATION_LIST, ERROR, OBSERVATION ->
          throw new IllegalStateException("refused before: " + type);
    }
  }

  private void hello(IncomingMessage message) throws IncomingMessage.FramingException {
    if (refusal != null) {
      throw new IncomingMessage.FramingException(refusal);
    }
    Connection connection;
    try {
      message.requireNoReserved();
      connection =
          Connection.accept(
              message.bytes(), message.fds(), peer, engine.options().maxBytesPerClient(),
              this::discard);
    } catch (BridgeException refused) {
      throw new IncomingMessage.FramingException(refused);
    }
    message.keepFds();
    int entries = connection.ringEntries();
    MemorySegment control = connection.control().segment();
    SubmissionRing submissions = new SubmissionRing(control, entries);
    CompletionRing completions = new CompletionRing(control, entries);
    PeerBell bell =
        new PeerBell(
            connection.clientDoorbell(),
            engine.bells(),
            () -> dispatcher.execute(this::doorbellBlocked));
    ClientBatches batches =
        new ClientBatches(
            engine.options().maxBatches(),
            engine.options().maxBlockBytes(),
            engine.counters(),
            completions,
            bell,
            watch,
            () -> dispatcher.execute(this::finish));
    SubmissionRunner runner = new SubmissionRunner(engine, regions, batches, watch);
    submissions.storeSleeping(true);
    live = new Live(connection, submissions, completions, bell, batches, runner);
    dispatcher.connected(this, connection);
    MemorySegment answer = dispatcher.answerBuffer().asSlice(0, Welcome.BYTES);
    Welcome.write(
        answer,
        0,
        message.requestId(),
        connection.minor(),
        (int) ProcessHandle.current().pid(),
        limits());
    send(answer);
  }

  private void observe(IncomingMessage message) {
    message.requireNoReserved();
    if (Observe.reserved(message.bytes(), 0) != 0) {
      throw new ProtocolException(ErrorCode.BAD_FLAGS, "a reserved field of OBSERVE is not 0");
    }
    Observation page =
        dispatcher.observe(peer.uid(), Observe.afterClient(message.bytes(), 0));
    MemorySegment answer = dispatcher.answerBuffer();
    int length = page.write(answer, 0, message.requestId());
    send(answer.asSlice(0, length));
  }

  private Welcome.Limits limits() {
    ServerOptions options = engine.options();
    return new Welcome.Limits(
        options.maxRegions(),
        options.maxBatches(),
        options.maxItems(),
        engine.pool().threadCount(),
        options.maxBytesPerClient(),
        options.maxBlockBytes());
  }

  private void register(IncomingMessage message) {
    message.requireNoReserved();
    MemorySegment bytes = message.bytes();
    if (Register.reserved(bytes, 0) != 0) {
      throw new ProtocolException(ErrorCode.BAD_FLAGS, "a reserved field of REGISTER is not 0");
    }
    RegionAccess access = RegionAccess.ofCode(Register.access(bytes, 0));
    if (message.fds().isEmpty()) {
      throw new ProtocolException(
          ErrorCode.MISSING_DESCRIPTOR, "REGISTER brings the region's descriptor");
    }
    Fd fd = message.fds().getFirst();
    regions.register(
        Register.region(bytes, 0),
        Register.generation(bytes, 0),
        access,
        Register.byteLength(bytes, 0),
        fd);
    sendOk(message.requestId());
  }

  private void release(IncomingMessage message) {
    message.requireNoReserved();
    int region = Release.region(message.bytes(), 0);
    regions.release(region, Release.generation(message.bytes(), 0));
    releases.put(region, message.requestId());
  }

  private void regionUnmapped(int region) {
    Integer requestId = releases.remove(region);
    if (requestId != null && !leaving) {
      regions.forget(region);
      sendOk(requestId);
    }
  }

  private void sendOk(int requestId) {
    MemorySegment answer = dispatcher.answerBuffer().asSlice(0, MessageHeader.BYTES);
    MessageHeader.write(answer, 0, MessageType.OK, requestId, MessageHeader.BYTES);
    send(answer);
  }

  private void sendError(int requestId, BridgeException refused) {
    MemorySegment answer = dispatcher.answerBuffer();
    int length = ErrorMessage.write(answer, 0, requestId, refused.code(), refused.getMessage());
    send(answer.asSlice(0, length));
  }

  private void send(MemorySegment message) {
    try {
      if (!socket.trySend(message)) {
        leave("does not read its socket");
      }
    } catch (BridgeClosedException gone) {
      leave("has closed the connection");
    } catch (BridgeException failure) {
      leave("can't be answered: " + failure.getMessage());
    }
  }

  // ---- submissions ----

  /** Carries out some of the submissions that wait; tells whether there were any. */
  boolean serve() {
    Live now = live;
    if (now == null || leaving) {
      return false;
    }
    try {
      int waiting = Math.min(TURN, now.submissions().waiting(now.completions()));
      long begin = waiting > 1 ? System.nanoTime() : 0;
      for (int i = 0; i < waiting; i++) {
        now.runner().run(now.submissions().take());
        if (i + 1 < waiting && System.nanoTime() - begin >= TURN_NANOS) {
          break;
        }
      }
      return waiting > 0;
    } catch (ProtocolException corrupt) {
      fail(corrupt);
      return false;
    }
  }

  /** Tells the client whether to ring; a full fence must follow before the server sleeps. */
  void storeSleeping(boolean sleeping) {
    if (live != null && !leaving) {
      live.submissions().storeSleeping(sleeping);
    }
  }

  boolean hasNews() {
    return live != null && !leaving && live.submissions().hasNews();
  }

  // ---- observers ----

  ClientWatch watch() {
    return watch;
  }

  /** What observers see, or null before the handshake. */
  @Nullable
  ObservedClient observe() {
    Live now = live;
    if (now == null) {
      return null;
    }
    ClientBatches.Observed batches = now.batches().observe();
    Tally dispatched = watch.dispatcher();
    Tally.Failure failure = dispatched.lastFailure().orLater(batches.lastFailure());
    HeldCounts held =
        new HeldCounts(
            regions.count(),
            regions.leaseCount(),
            batches.inFlight(),
            batches.kept(),
            leaving ? 0 : now.submissions().queued(),
            regions.byteLength());
    return new ObservedClient(
        watch.id(),
        watch.pid(),
        watch.uid(),
        watch.ageNanos(),
        failure.code(),
        failure.text(),
        held,
        dispatched.counts().plus(batches.work()));
  }

  // ---- the end ----

  /** Tells the client what it broke, and ends the connection. */
  void fail(BridgeException refusal) {
    if (!leaving) {
      watch.dispatcher().refused(refusal);
      endCode = refusal.code();
      sendError(0, refusal);
      leave("was refused: " + refusal.getMessage());
    }
  }

  private void doorbellBlocked() {
    fail(
        new ProtocolException(
            ErrorCode.BAD_FLAGS,
            "the server had to wait for the client's doorbell, which is full and made to block;"
                + " leave it EFD_NONBLOCK"));
  }

  /** Cancels and releases everything; ends when the last chunk in work has ended. */
  void leave(String why) {
    if (leaving) {
      return;
    }
    leaving = true;
    dispatcher.disconnected(this, why);
    if (live == null) {
      finish();
    } else {
      live.batches().close();
    }
  }

  private void finish() {
    if (finished) {
      return;
    }
    finished = true;
    regions.close();
    Live now = live;
    if (now != null) {
      now.bell().close();
      now.runner().close();
      now.connection().close();
    }
    socket.close();
    engine.counters().clients.decrementAndGet();
    dispatcher.finished(this);
  }
}
