package io.tensorbridge.batch.model;

import io.tensorbridge.batch.model.World.Connection;
import io.tensorbridge.batch.model.World.Kind;
import java.util.ArrayList;
import java.util.List;

/** The server: one dispatcher, as in {@code Dispatcher} and {@code ClientSession}, and workers. */
// A program counter is the number of a case, and each case ends with a step of its own.
@SuppressWarnings({"EnumOrdinal", "RefactorSwitch"})
final class Server {
  private final World world;
  private final List<Session> sessions = new ArrayList<>();
  /** The eventfd of {@code Dispatcher.execute}. */
  private final int wake;

  /** A whole server, idle. */
  Server(World world, int workers) {
    this(workers, world);
    world.agents.add(new DispatcherThread());
  }

  /** A server whose dispatcher has taken everything: only what workers do is left. */
  static Server ofWorkers(World world, int workers) {
    Server server = new Server(workers, world);
    for (Session session : server.sessions) {
      int all = session.connection.all();
      world.variables.begin(session.queued, all);
      world.variables.begin(session.connection.published, all);
    }
    return server;
  }

  private Server(int workers, World world) {
    this.world = world;
    this.wake = world.variables.one("dispatcher.wake", 0);
    for (Connection connection : world.connections) {
      sessions.add(new Session(world, connection));
    }
    for (int i = 0; i < workers; i++) {
      world.agents.add(new WorkerThread("worker" + i));
    }
  }

  /** What the server knows of a client: {@code ClientSession}, {@code ClientBatches}. */
  private static final class Session {
    final Connection connection;
    final int head;
    final int tail;
    final int active;
    final int leaving;
    final int finished;
    /** The lock of {@code ClientBatches}. */
    final int lock;
    final int closed;
    final int queued;
    final int running;
    final int drained;

    Session(World world, Connection connection) {
      this.connection = connection;
      State initial = world.variables.initial();
      Variables variables = world.variables;
      head = variables.one("server.head", initial.get(connection.sqHead));
      tail = variables.one("server.tail", initial.get(connection.cqTail));
      active = variables.one("active", 0);
      leaving = variables.one("leaving", 0);
      finished = variables.one("finished", 0);
      lock = variables.one("batches.lock", 0);
      closed = variables.one("closed", 0);
      queued = variables.one("queued", 0);
      running = variables.one("running", 0);
      drained = variables.one("drained", 0);
    }

    boolean isIdle(State state) {
      return state.get(queued) == 0 && state.get(running) == 0;
    }
  }

  /** What is wrong with the server if nothing more happens; empty if nothing is. */
  String wrongWith(State state) {
    if (state.get(world.serverDead) == 1) {
      return "";
    }
    for (Session session : sessions) {
      if (state.get(world.clientDead) == 1) {
        if (state.get(session.finished) == 0) {
          return "the server never releases what a dead client had";
        }
      } else if (state.get(session.connection.sqTail) != state.get(session.head)) {
        return "the server sleeps while a submission waits";
      } else if (!session.isIdle(state)) {
        return "a batch never ends";
      }
    }
    return "";
  }

  private static void lock(State state, Memory.View view, int lock, int owner) {
    view.fence(state);
    Agent.Blocked.unless(state.get(lock) == 0);
    state.set(lock, owner);
  }

  private static void unlock(State state, Memory.View view, int lock) {
    view.fence(state);
    state.set(lock, 0);
  }

  /** A thread of the server that posts completions. */
  private abstract class Poster implements Agent {
    private enum Post {
      LOCK,
      ENTRY,
      TAIL,
      FENCE,
      LOOK,
      UNLOCK,
      RING
    }

    final String name;
    final Memory.View view;
    private final int owner;
    private final int pc;
    private final int rings;
    private final int posting;
    private final int index;
    private final int last;

    Poster(String name, int owner) {
      this.name = name;
      this.owner = owner;
      view = world.memory.view(name, world.serverDead);
      pc = world.variables.one(name + ".post.pc", 0);
      rings = world.variables.one(name + ".rings", 0);
      posting = world.variables.one(name + ".posting", 0);
      index = world.variables.one(name + ".index", 0);
      last = world.variables.one(name + ".last", 0);
    }

    @Override
    public String name() {
      return name;
    }

    boolean isPosting(State state) {
      return state.get(posting) != 0;
    }

    /** Between taking the lock and leaving it nobody else looks at what a poster changes. */
    boolean isPostingLocally(State state) {
      if (world.has(Mutation.SERVER_POSTS_WITHOUT_LOCK)) {
        return false;
      }
      return switch (Post.values()[state.get(pc)]) {
        case ENTRY, TAIL -> world.memory.isBuffered();
        case FENCE, UNLOCK -> true;
        case LOCK, LOOK, RING -> false;
      };
    }

    void beginPosting(State state, int id) {
      state.set(posting, id);
      state.set(pc, Post.LOCK.ordinal());
    }

    /** The run has ended and holds nothing any more; under the lock. */
    abstract void release(State state, Session session, int id);

    String post(State state, Session session) {
      Connection connection = session.connection;
      int id = state.get(posting);
      Post now = Post.values()[state.get(pc)];
      Post next = Post.values()[Math.min(now.ordinal() + 1, Post.RING.ordinal())];
      String what;
      switch (now) {
        case LOCK -> {
          if (!world.has(Mutation.SERVER_POSTS_WITHOUT_LOCK)) {
            lock(state, view, session.lock, owner);
          }
          release(state, session, id);
          boolean closed = state.get(session.closed) == 1;
          state.set(last, closed && session.isIdle(state) ? 1 : 0);
          if (closed) {
            next = Post.UNLOCK;
          }
          state.set(index, state.get(session.tail));
          what = "ends batch " + id;
        }
        case ENTRY -> {
          view.store(state, connection.completion(state.get(index)), id);
          what = "writes the completion of " + id;
        }
        case TAIL -> {
          int tail = World.next(state.get(index));
          state.set(session.tail, tail);
          if (world.has(Mutation.SERVER_STORES_TAIL_PLAINLY)) {
            view.store(state, connection.cqTail, tail);
          } else {
            view.storeRelease(state, connection.cqTail, tail);
          }
          what = "stores cq_tail";
        }
        case FENCE -> {
          if (!world.has(Mutation.SERVER_POSTS_WITHOUT_FENCE)) {
            view.fence(state);
          }
          what = "full fence";
        }
        case LOOK -> {
          state.set(rings, view.load(state, connection.clientSleeping));
          what = "looks whether the client sleeps";
        }
        case UNLOCK -> {
          if (!world.has(Mutation.SERVER_POSTS_WITHOUT_LOCK)) {
            unlock(state, view, session.lock);
          }
          what = "unlocks";
        }
        case RING -> {
          if (state.get(rings) == 1) {
            World.ring(state, connection.clientBell);
          }
          if (state.get(last) == 1 && !world.has(Mutation.SERVER_FORGETS_THE_LAST_BATCH)) {
            state.set(session.drained, 1);
            World.ring(state, wake);
          }
          state.set(rings, 0);
          state.set(last, 0);
          state.set(index, 0);
          state.set(posting, 0);
          next = Post.LOCK;
          what = "rings if need be";
        }
        default -> throw new IllegalStateException();
      }
      state.set(pc, next.ordinal());
      return what;
    }
  }

  /** A worker: runs what is queued. */
  private final class WorkerThread extends Poster {
    /** 0: looks for work; else 1 + session. */
    private final int at;

    private final int running;

    WorkerThread(String name) {
      super(name, 2);
      at = world.variables.one(name + ".session", 0);
      running = world.variables.one(name + ".running", 0);
    }

    @Override
    void release(State state, Session session, int id) {
      state.remove(session.running, id);
    }

    @Override
    public boolean isLocal(State state) {
      return isPosting(state) && state.get(world.serverDead) == 0 && isPostingLocally(state);
    }

    @Override
    public String step(State state, int choice) {
      Blocked.unless(state.get(world.serverDead) == 0);
      if (state.get(at) == 0) {
        return take(state);
      }
      Session session = sessions.get(state.get(at) - 1);
      if (state.get(running) != 0) {
        Violation.unless(
            state.get(session.finished) == 0, "a worker uses memory that was released");
        beginPosting(state, state.get(running));
        state.set(running, 0);
        return "has run the last chunk";
      }
      String what = post(state, session);
      if (!isPosting(state)) {
        state.set(at, 0);
      }
      return what;
    }

    private String take(State state) {
      for (int i = 0; i < sessions.size(); i++) {
        Session session = sessions.get(i);
        int queued = state.get(session.queued);
        if (queued != 0) {
          view.fence(state);
          int id = Integer.numberOfTrailingZeros(queued);
          state.remove(session.queued, id);
          state.put(session.running, id);
          state.set(running, id);
          state.set(at, i + 1);
          return "takes batch " + id;
        }
      }
      throw Blocked.NOW;
    }
  }

  private final class DispatcherThread extends Poster {
    private enum Pc {
      LOOK,
      CHECK,
      TAKE,
      GIVE_BACK,
      RUN,
      POST,
      SLEEP,
      SLEEP_FENCE,
      SECOND_LOOK,
      POLL,
      CLEAR,
      AWAKE,
      CLEAR_LATE,
      LEAVE
    }

    private final int pc;
    private final int at;
    private final int waiting;
    private final int served;
    private final int id;

    DispatcherThread() {
      super("dispatcher", 1);
      pc = world.variables.one("dispatcher.pc", Pc.POLL.ordinal());
      at = world.variables.one("dispatcher.session", 0);
      waiting = world.variables.one("dispatcher.waiting", 0);
      served = world.variables.one("dispatcher.served", 0);
      id = world.variables.one("dispatcher.id", 0);
    }

    @Override
    public int choices() {
      return 2 + 2 * sessions.size();
    }

    @Override
    public boolean isLocal(State state) {
      if (state.get(world.serverDead) == 1) {
        return false;
      }
      return switch (Pc.values()[state.get(pc)]) {
        case GIVE_BACK, SLEEP, AWAKE -> world.memory.isBuffered();
        case SLEEP_FENCE -> true;
        case RUN -> sessions.get(state.get(at)).connection.kind(state.get(id)) == Kind.INLINE;
        case POST -> isPostingLocally(state);
        case LOOK, CHECK, TAKE, SECOND_LOOK, POLL, CLEAR, CLEAR_LATE, LEAVE -> false;
      };
    }

    @Override
    void release(State state, Session session, int batch) {
      // What the dispatcher runs itself is never in flight.
    }

    @Override
    public String step(State state, int choice) {
      Blocked.unless(state.get(world.serverDead) == 0);
      Pc now = Pc.values()[state.get(pc)];
      if (now == Pc.POLL || (now == Pc.LOOK && state.get(at) == 0 && choice > 0)) {
        String what = poll(state, now == Pc.LOOK ? choice - 1 : choice);
        state.set(served, 0);
        return what;
      }
      Blocked.unless(choice == 0);
      Session session = sessions.get(state.get(at));
      Connection connection = session.connection;
      boolean here = state.get(session.active) == 1;
      switch (now) {
        case LOOK -> {
          if (!here || view.load(state, connection.sqTail) == state.get(session.head)) {
            endLook(state);
            return "finds nothing";
          }
          state.set(served, 1);
          go(state, Pc.CHECK);
          return "finds a submission";
        }
        case CHECK -> {
          int tail = view.load(state, connection.sqTail);
          int count = World.distance(state.get(session.head), tail);
          int taken = view.load(state, connection.cqHead);
          Violation.unless(
              count <= connection.entries && World.distance(taken, tail) <= connection.entries,
              "the rings are corrupt");
          state.set(waiting, count);
          go(state, Pc.TAKE);
          return "finds the indices right";
        }
        case TAKE -> {
          state.set(id, view.take(state, connection.submission(state.get(session.head))));
          go(state, Pc.GIVE_BACK);
          return "reads submission " + state.get(id);
        }
        case GIVE_BACK -> {
          int head = World.next(state.get(session.head));
          state.set(session.head, head);
          view.storeRelease(state, connection.sqHead, head);
          go(state, Pc.RUN);
          return "stores sq_head";
        }
        case RUN -> {
          return run(state, session);
        }
        case POST -> {
          String what = post(state, session);
          if (!isPosting(state)) {
            endSubmission(state);
          }
          return what;
        }
        case SLEEP -> {
          if (!world.has(Mutation.SERVER_SLEEPS_SILENTLY)) {
            storeSleeping(state, 1);
          }
          go(state, Pc.SLEEP_FENCE);
          return "tells that it sleeps";
        }
        case SLEEP_FENCE -> {
          if (!world.has(Mutation.SERVER_SLEEPS_WITHOUT_FENCE)) {
            view.fence(state);
          }
          go(state, Pc.SECOND_LOOK);
          return "full fence";
        }
        case SECOND_LOOK -> {
          boolean news = here
              && !world.has(Mutation.SERVER_SLEEPS_WITHOUT_SECOND_LOOK)
              && view.load(state, connection.sqTail) != state.get(session.head);
          if (news) {
            storeSleeping(state, 0);
            state.set(at, 0);
            go(state, Pc.LOOK);
            return "finds news";
          }
          if (state.get(at) + 1 < sessions.size()) {
            state.add(at, 1);
          } else {
            state.set(at, 0);
            sessions.forEach(each -> state.set(each.active, 0));
            go(
                state,
                world.has(Mutation.SERVER_CLEARS_BELL_AFTER_LOOKING)
                    ? Pc.CLEAR_LATE
                    : Pc.POLL);
          }
          return "looks again";
        }
        case CLEAR -> {
          state.set(connection.serverBell, 0);
          go(state, Pc.AWAKE);
          return "clears its doorbell";
        }
        case AWAKE -> {
          view.store(state, connection.serverSleeping, 0);
          state.set(session.active, 1);
          state.set(at, 0);
          go(state, Pc.LOOK);
          return "tells that it is awake";
        }
        case CLEAR_LATE -> {
          sessions.forEach(each -> state.set(each.connection.serverBell, 0));
          go(state, Pc.POLL);
          return "clears its doorbells, too late";
        }
        case LEAVE -> {
          lock(state, view, session.lock, 1);
          state.set(session.closed, 1);
          // Those that no worker has begun end at once; their leases with them.
          state.set(session.queued, 0);
          if (session.isIdle(state) || world.has(Mutation.SERVER_RELEASES_TOO_SOON)) {
            state.set(session.finished, 1);
          }
          state.set(session.lock, 0);
          state.set(at, 0);
          go(state, Pc.LOOK);
          return "closes the session";
        }
        case POLL -> throw new IllegalStateException();
      }
      throw new IllegalStateException();
    }

    private void go(State state, Pc next) {
      state.set(pc, next.ordinal());
    }

    private void storeSleeping(State state, int value) {
      for (Session session : sessions) {
        if (state.get(session.active) == 1) {
          view.storeRelease(state, session.connection.serverSleeping, value);
        }
      }
    }

    private void endLook(State state) {
      if (state.get(at) + 1 < sessions.size()) {
        state.add(at, 1);
        return;
      }
      state.set(at, 0);
      if (state.get(served) == 0) {
        // It spins for a while: that no step is taken for a while stands for that.
        go(state, Pc.SLEEP);
      }
      state.set(served, 0);
    }

    private void endSubmission(State state) {
      state.set(id, 0);
      state.add(waiting, -1);
      if (state.get(waiting) > 0) {
        go(state, Pc.TAKE);
      } else {
        go(state, Pc.LOOK);
        endLook(state);
      }
    }

    private String run(State state, Session session) {
      int batch = state.get(id);
      Kind kind = session.connection.kind(batch);
      switch (kind) {
        case INLINE -> {
          beginPosting(state, batch);
          go(state, Pc.POST);
          return "runs batch " + batch;
        }
        case WORKERS -> {
          view.fence(state);
          state.put(session.queued, batch);
          endSubmission(state);
          return "queues batch " + batch;
        }
        case CANCEL -> {
          view.fence(state);
          Blocked.unless(state.get(session.lock) == 0);
          // The run is asked to end; it completes by itself.
          boolean twice = world.has(Mutation.SERVER_COMPLETES_CANCELLED_TWICE)
              && (state.has(session.running, batch - 1) || state.has(session.queued, batch - 1));
          beginPosting(state, twice ? batch - 1 : batch);
          go(state, Pc.POST);
          return "cancels batch " + (batch - 1);
        }
      }
      throw new IllegalStateException();
    }

    /** One of the events that epoll may tell. */
    private String poll(State state, int choice) {
      if (choice == 0) {
        Blocked.unless(state.get(wake) == 1);
        view.fence(state);
        state.set(wake, 0);
        for (Session session : sessions) {
          if (state.get(session.drained) == 1) {
            state.set(session.drained, 0);
            Violation.unless(session.isIdle(state), "memory is released while a worker uses it");
            state.set(session.finished, 1);
          }
        }
        go(state, Pc.LOOK);
        return "runs commands";
      }
      int event = choice - 1;
      Blocked.unless(event < 2 * sessions.size());
      Session session = sessions.get(event / 2);
      Blocked.unless(state.get(session.leaving) == 0);
      state.set(at, event / 2);
      if (event % 2 == 0) {
        Blocked.unless(state.get(session.connection.serverBell) == 1);
        go(state, Pc.CLEAR);
        return "hears its doorbell";
      }
      Blocked.unless(
          state.get(world.clientDead) == 1
              && !world.has(Mutation.SERVER_DOES_NOT_WATCH_THE_CLIENT));
      state.set(session.leaving, 1);
      state.set(session.active, 0);
      go(state, Pc.LEAVE);
      return "hears that the client has ended";
    }
  }
}
