package io.tensorbridge.batch;

import io.tensorbridge.BridgeException;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.ProtocolException;
import io.tensorbridge.QuotaException;
import io.tensorbridge.batch.wire.MessageHeader;
import io.tensorbridge.batch.wire.Observation;
import io.tensorbridge.batch.wire.OperationList;
import io.tensorbridge.op.TensorOpProvider;
import io.tensorbridge.shm.Doorbell;
import io.tensorbridge.shm.LocalSocket;
import io.tensorbridge.shm.Poller;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * The one thread that talks to clients: takes their messages and submissions, carries out what is
 * cheap, and hands the rest to the workers. It waits for nobody.
 *
 * <pre>
 *   spin:   while a client was served a moment ago, and the workers are idle, look at the rings of
 *           such clients again and again; only briefly if submissions came at long intervals, since a
 *           core that is looked from may be the one that the client waits for
 *   sleep:  tell them to ring; full fence; look once more; epoll over sockets, pidfds, doorbells
 * </pre>
 *
 * <p>A client that has been quiet for the spinning time is told to ring, and from then on costs
 * nothing, however many of them there are.
 */
final class Dispatcher implements Runnable {
  private static final long WAKE = -1;
  private static final long LISTENER = -2;
  private static final int SOCKET = 0;
  private static final int PROCESS = 1;
  private static final int DOORBELL = 2;
  private static final int KINDS = 4;

  private static final int RESERVE_BYTES = 1 << 20;

  /** For so long it spins where submissions come at longer intervals than that is worth. */
  private static final long BRIEF_NANOS = 20_000;

  /** While it spins, descriptors are looked at so often. */
  private static final long NANOS_PER_POLL = 100_000;
  private static final long NANOS_PER_MILLI = 1_000_000;

  /** A connection, and when it must have said something. */
  private record Silent(ClientSession session, long untilNanos) {}

  /** After so many looks a server is worth the milliseconds that quicker looks cost once. */
  private static final int BUSY_LOOKS = 1000;

  private final Engine engine;
  private final ServerLog log;
  private final @Nullable ClientListener listener;
  private final long spinNanos;

  private final Poller poller = new Poller();
  private final Doorbell wake = Doorbell.create();
  private final Queue<Runnable> commands = new ConcurrentLinkedQueue<>();
  private final long[] ready = new long[64];
  private final MemorySegment messageBuffer =
      Arena.ofAuto().allocate(MessageHeader.MAX_MESSAGE_BYTES, Long.BYTES);
  private final MemorySegment answerBuffer =
      Arena.ofAuto().allocate(MessageHeader.MAX_MESSAGE_BYTES, Long.BYTES);

  private final Map<Long, ClientSession> sessions = new HashMap<>();
  private final List<ClientSession> leaving = new ArrayList<>();
  private final List<ClientSession> active = new ArrayList<>();
  /** Connections that have said nothing when they were accepted, the oldest first. */
  private final Queue<Silent> silent = new ArrayDeque<>();
  private final long greetingNanos;
  private final ServerObserver observer;
  /** Let go of when the heap is full, so that there is some of it to take leave of a client with. */
  private byte @Nullable [] reserve = new byte[RESERVE_BYTES];

  private long nextKey = 1;
  private int looks;
  private boolean closing;
  /** When a submission was served last. */
  private long quietSince;

  /** Whether that one came so soon that looking for it was worth it. */
  private boolean lookingPays = true;

  /**
   * A dispatcher that has not begun.
   *
   * @param engine what clients share
   * @param log hears of clients
   * @param listener where clients come from, or null if there is only the first one
   */
  Dispatcher(Engine engine, ServerLog log, @Nullable ClientListener listener) {
    this.engine = engine;
    this.log = log;
    this.listener = listener;
    this.observer = new ServerObserver(engine, log);
    this.spinNanos = engine.options().spin().toNanos();
    this.greetingNanos = engine.options().admission().greeting().toNanos();
    poller.add(wake.fd(), WAKE);
    if (listener != null) {
      poller.add(listener.fd(), LISTENER);
    }
  }

  /** Runs something in the dispatcher's thread soon; any thread may call. */
  void execute(Runnable command) {
    commands.add(command);
    wake.ring();
  }

  /** Ends when all clients are gone; any thread may call. */
  void close() {
    execute(
        () -> {
          closing = true;
          stopListening();
          List.copyOf(sessions.values())
              .forEach(session -> session.leave("loses its server, which closes"));
        });
  }

  private static int observers(Collection<ClientSession> sessions) {
    int count = 0;
    for (ClientSession session : sessions) {
      count += session.mayOnlyObserve() ? 1 : 0;
    }
    return count;
  }

  /** Takes over a connection of a client. */
  ClientSession connect(LocalSocket socket) {
    return connect(socket, null);
  }

  private ClientSession connect(LocalSocket socket, @Nullable QuotaException refusal) {
    long key = nextKey++;
    ClientSession session = new ClientSession(this, engine, socket, key, refusal);
    sessions.put(key, session);
    poller.add(socket.fd(), key * KINDS + SOCKET);
    return session;
  }

  /** A connection that says nothing must not take the place of a client. */
  private void awaitGreeting(ClientSession session) {
    silent.add(new Silent(session, System.nanoTime() + greetingNanos));
  }

  private void endSilent() {
    long now = System.nanoTime();
    while (!silent.isEmpty() && isOver(silent.element(), now)) {
      ClientSession session = silent.remove().session();
      if (session.isSilent()) {
        session.fail(
            new ProtocolException(
                ErrorCode.HANDSHAKE_REQUIRED,
                "nothing was said for " + greetingNanos / NANOS_PER_MILLI
                    + " ms; the first message is HELLO"));
      }
    }
  }

  private static boolean isOver(Silent waiting, long now) {
    return waiting.untilNanos() - now <= 0 || !waiting.session().isSilent();
  }

  private int clientsOf(int user) {
    int count = 0;
    for (ClientSession session : sessions.values()) {
      count += session.isClientOf(user) ? 1 : 0;
    }
    for (ClientSession session : leaving) {
      count += session.isClientOf(user) ? 1 : 0;
    }
    return count;
  }

  @Override
  public void run() {
    while (!isOver()) {
      turn();
    }
  }

  /** Gives back the descriptors; nobody may {@link #execute} any more. */
  void dispose() {
    poller.close();
    wake.close();
  }

  private boolean isOver() {
    boolean noMoreClients = closing || listener == null;
    return noMoreClients && sessions.isEmpty() && leaving.isEmpty() && commands.isEmpty();
  }

  private void turn() {
    if (active.isEmpty() || !spin()) {
      sleep();
    }
    runCommands();
    engine.deadlines().expire(System.nanoTime());
    endSilent();
  }

  /**
   * Serves active clients until they are quiet, or descriptors must be looked at: a client that is
   * never quiet must not hide the others.
   *
   * @return false if all active clients are quiet
   */
  private boolean spin() {
    long start = System.nanoTime();
    while (true) {
      boolean served = serveActive();
      long now = System.nanoTime();
      if (served) {
        quietSince = now;
        lookingPays = true;
      } else if (!engine.pool().isIdle() || now - quietSince >= nanosToLook()) {
        return false;
      }
      if (now - start >= NANOS_PER_POLL || !commands.isEmpty()) {
        poll(0);
        return true;
      }
      if (!served) {
        Thread.onSpinWait();
      }
    }
  }

  private long nanosToLook() {
    return lookingPays ? spinNanos : Math.min(BRIEF_NANOS, spinNanos);
  }

  private boolean serveActive() {
    boolean served = false;
    for (int i = 0; i < active.size(); i++) {
      served |= serve(active.get(i));
    }
    return served;
  }

  private boolean serve(ClientSession session) {
    try {
      return session.serve();
    } catch (RuntimeException | Error defect) {
      endAfter(defect, session);
      return false;
    }
  }

  /** A defect of this software ends one client, not all of them. */
  private void endAfter(Throwable defect, ClientSession session) {
    boolean full = defect instanceof OutOfMemoryError;
    if (full) {
      reserve = null;
    }
    log.defect(session, defect);
    session.leave(full ? "needed memory that the server has not" : "met a defect of the server");
    if (full) {
      commands.add(this::reserveAgain);
    }
  }

  private void reserveAgain() {
    if (reserve == null) {
      reserve = new byte[RESERVE_BYTES];
    }
  }

  private void sleep() {
    storeSleeping(true);
    VarHandle.fullFence();
    for (int i = 0; i < active.size(); i++) {
      if (active.get(i).hasNews()) {
        storeSleeping(false);
        serveActive();
        return;
      }
    }
    active.clear();
    poll(nanosToSleep());
  }

  private void storeSleeping(boolean sleeping) {
    for (int i = 0; i < active.size(); i++) {
      active.get(i).storeSleeping(sleeping);
    }
  }

  private long nanosToSleep() {
    if (!commands.isEmpty()) {
      return 0;
    }
    long now = System.nanoTime();
    long deadline = engine.deadlines().nanosToNext(now);
    long accept = listener == null ? -1 : listener.nanosToRetry(now);
    if (!silent.isEmpty()) {
      long greeting = Math.max(0, silent.element().untilNanos() - now);
      accept = accept < 0 ? greeting : Math.min(accept, greeting);
    }
    return deadline < 0 || accept < 0 ? Math.max(deadline, accept) : Math.min(deadline, accept);
  }

  private void poll(long timeoutNanos) {
    if (++looks == BUSY_LOOKS) {
      engine.unmapper().execute(Poller::linkLean);
    }
    int count = poller.await(timeoutNanos, ready);
    for (int i = 0; i < count; i++) {
      take(ready[i]);
    }
    if (listener != null && listener.retry(System.nanoTime())) {
      poller.add(listener.fd(), LISTENER);
    }
  }

  private void take(long key) {
    if (key == WAKE) {
      wake.clear();
    } else if (key == LISTENER) {
      accept();
    } else {
      ClientSession session = sessions.get(key / KINDS);
      if (session != null) {
        take(session, (int) (key % KINDS));
      }
    }
  }

  private void take(ClientSession session, int kind) {
    try {
      switch (kind) {
        case SOCKET -> session.receive(messageBuffer);
        case PROCESS -> session.leave("has ended");
        default -> wakeUp(session);
      }
    } catch (RuntimeException | Error defect) {
      endAfter(defect, session);
    }
  }

  private void wakeUp(ClientSession session) {
    Connection connection = session.connection();
    if (connection != null) {
      session.storeSleeping(false);
      if (!active.contains(session)) {
        active.add(session);
      }
      boolean soon = System.nanoTime() - quietSince < spinNanos;
      boolean early = !session.serve();
      lookingPays = soon || early; // a bell before there is anything: it will be there in a moment
      quietSince = System.nanoTime();
    }
  }

  private void runCommands() {
    for (Runnable next = commands.poll(); next != null; next = commands.poll()) {
      try {
        next.run();
      } catch (RuntimeException | Error defect) {
        log.defect("a command", defect);
      }
    }
  }

  private void accept() {
    if (listener == null) {
      return;
    }
    try {
      int observers = observers(sessions.values()) + observers(leaving);
      int clients = sessions.size() + leaving.size() - observers;
      ClientListener.Accepted accepted =
          listener.accept(clients, observers, this::clientsOf);
      if (accepted != null) {
        awaitGreeting(connect(accepted.socket(), accepted.refusal()));
      }
    } catch (BridgeException failure) {
      log.refused(failure.code(), "a client can't be accepted: " + failure.getMessage());
      if (failure.code() == ErrorCode.OUT_OF_DESCRIPTORS
          && listener.refuseForLackOfDescriptors()) {
        return;
      }
      listener.pause(System.nanoTime());
      poller.remove(listener.fd());
    }
  }

  private void stopListening() {
    if (listener != null && !listener.isClosed()) {
      if (!listener.isPaused()) {
        poller.remove(listener.fd());
      }
      listener.close();
    }
  }

  // ---- called by sessions ----

  List<OperationList.Operation> operations() {
    List<OperationList.Operation> list = new ArrayList<>();
    for (TensorOpProvider provider : engine.operations().providers()) {
      list.add(new OperationList.Operation(provider.name(), provider.summary()));
    }
    return list;
  }

  /** What an observer sees; see {@link ServerObserver#observe}. */
  Observation observe(int uid, long afterClient) {
    List<ClientSession> clients = new ArrayList<>(sessions.values());
    clients.addAll(leaving);
    return observer.observe(uid, afterClient, clients);
  }

  MemorySegment answerBuffer() {
    return answerBuffer;
  }

  void connected(ClientSession session, Connection connection) {
    long key = session.watch().id();
    poller.add(connection.process().fd(), key * KINDS + PROCESS);
    poller.addRings(connection.serverDoorbell(), key * KINDS + DOORBELL);
    engine.events().connected(session.watch());
    log.connected(session);
  }

  void disconnected(ClientSession session, String why) {
    sessions.remove(session.watch().id());
    leaving.add(session);
    active.remove(session);
    poller.remove(session.socket().fd());
    Connection connection = session.connection();
    if (connection != null) {
      poller.remove(connection.process().fd());
      poller.remove(connection.serverDoorbell().fd());
      engine.events().left(session.watch(), why);
    }
    log.disconnected(session, why);
  }

  void finished(ClientSession session) {
    leaving.remove(session);
    observer.departed(session);
  }
}
