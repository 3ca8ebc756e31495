package io.tensorbridge.batch.model;

import io.tensorbridge.batch.model.World.Connection;
import java.util.ArrayList;
import java.util.List;

/**
 * The client in Java, {@code ClientRings} and {@code CompletionReader}: threads that wait spin, then
 * one of them sleeps on the doorbell and the others on their futures; a reader thread sleeps on the
 * socket, and on the doorbell while no thread does.
 */
// A program counter is the number of a case, and each case ends with a step of its own.
@SuppressWarnings({"EnumOrdinal", "RefactorSwitch"})
final class JavaClient {
  private final World world;
  private final Connection connection;

  private final int permits;
  private final int submitting;
  private final int tail;
  private final int flights;
  private final int lost;
  private final int ended;

  private final int taking;
  private final int head;

  private final int spinLock;
  private final int spinners;

  private final int leading;
  /** The id whose future the leader waits for. */
  private final int led;
  /** Whether the reader has lent the doorbell to a leader. */
  private final int lent;

  private final List<JavaThread> threads = new ArrayList<>();

  JavaClient(World world, Connection connection, int limit) {
    this.world = world;
    this.connection = connection;
    State initial = world.variables.initial();
    Variables variables = world.variables;
    boolean tooMany = world.has(Mutation.CLIENT_OVERFILLS_THE_RING);
    permits = variables.one("permits", limit + (tooMany ? 1 : 0));
    submitting = variables.one("submitting", 0);
    tail = variables.one("client.tail", initial.get(connection.sqTail));
    flights = variables.one("flights", 0);
    lost = variables.one("lost", 0);
    ended = variables.one("ended", 0);
    taking = variables.one("taking", 0);
    head = variables.one("client.head", initial.get(connection.cqHead));
    spinLock = variables.one("spin_lock", 0);
    spinners = variables.one("spinners", 0);
    leading = variables.one("leading", 0);
    led = variables.one("led", 0);
    lent = variables.one("lent", 0);
    world.agents.add(new Reader());
  }

  /** Begins with all submissions under way. */
  JavaClient submitted() {
    world.variables.begin(flights, connection.all());
    world.variables.begin(permits, 0);
    return this;
  }

  JavaClient thread(String name, Task... tasks) {
    Submitter thread = new Submitter(name, threads.size() + 2, tasks);
    threads.add(thread);
    world.agents.add(thread);
    return this;
  }

  /** What is wrong with the client if nothing more happens; empty if nothing is. */
  String wrongWith(State state) {
    if (state.get(world.clientDead) == 1) {
      return "";
    }
    for (JavaThread thread : threads) {
      if (!thread.isIn(state, Pc.END)) {
        return thread.name() + " sleeps for ever";
      }
    }
    boolean sleeping = state.get(connection.clientSleeping) == 1;
    return sleeping ? "" : "nobody spins, but the server would not ring";
  }

  private boolean isDone(State state, int id) {
    return state.has(connection.completed, id) || state.has(lost, id);
  }

  private void wakeLeader(State state) {
    int future = state.get(led);
    if (future != 0 && isDone(state, future) && !world.has(Mutation.LEADER_IS_NOT_WOKEN)) {
      World.ring(state, connection.clientBell);
    }
  }

  private enum Pc {
    NEXT,
    LOCK_SUBMITTING,
    WRITE_ENTRY,
    STORE_TAIL,
    UNLOCK_SUBMITTING,
    PUBLISH_FENCE,
    LOOK_AT_SERVER,
    RING,
    LOOK_AT_END,
    AWAIT,
    BEGIN_SPINNING,
    UNLOCK_SPINNING,
    SPIN,
    SPUN,
    END_SPINNING,
    UNLOCK_SPUN,
    SPUN_FENCE,
    SLEEP,
    FOLLOW,
    BORROW_BELL,
    LEAD,
    LOOK_AT_FUTURE,
    AWAIT_BELL,
    CLEAR,
    LEAD_NO_MORE,
    GIVE_BELL_BACK,
    UNLOCK_LEADING,
    READ,
    READ_CLEAR,
    READ_CLEAR_LATE,
    READ_WAKE,
    LOSE,
    DRAIN,
    DRAIN_LOCK,
    DRAIN_ENTRY,
    DRAIN_HEAD,
    DRAIN_UNLOCK,
    DRAIN_LAND,
    END
  }

  /** A thread that may drain the ring. */
  private abstract class JavaThread implements Agent {
    final String name;
    final int me;
    final Memory.View view;
    final int pc;
    private final int afterDrain;
    private final int taken;
    private final int any;

    JavaThread(String name, int me, Pc first) {
      this.name = name;
      this.me = me;
      view = world.memory.view(name, world.clientDead);
      pc = world.variables.one(name + ".pc", first.ordinal());
      afterDrain = world.variables.one(name + ".afterDrain.pc", 0);
      taken = world.variables.one(name + ".taken", 0);
      any = world.variables.one(name + ".any", 0);
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public int choices() {
      return 2;
    }

    @Override
    public boolean isLocal(State state) {
      if (state.get(world.clientDead) == 1) {
        return false;
      }
      return switch (Pc.values()[state.get(pc)]) {
        case UNLOCK_SUBMITTING, PUBLISH_FENCE, UNLOCK_SPINNING, SPIN, UNLOCK_SPUN, SPUN_FENCE,
            DRAIN_UNLOCK -> true;
        default -> false;
      };
    }

    boolean isIn(State state, Pc there) {
      return state.get(pc) == there.ordinal();
    }

    void go(State state, Pc next) {
      state.set(pc, next.ordinal());
    }

    void drainThen(State state, Pc after) {
      state.set(afterDrain, after.ordinal());
      go(state, Pc.DRAIN);
    }

    void lock(State state, int lock) {
      view.fence(state);
      Blocked.unless(state.get(lock) == 0);
      state.set(lock, me);
    }

    void unlock(State state, int lock) {
      view.fence(state);
      state.set(lock, 0);
    }

    String drain(State state, Pc now) {
      switch (now) {
        case DRAIN -> {
          if (view.load(state, connection.cqTail) != state.get(head)) {
            go(state, Pc.DRAIN_LOCK);
            return "sees a completion";
          }
          if (state.get(any) == 1) {
            wakeLeader(state);
          }
          state.set(any, 0);
          state.set(pc, state.get(afterDrain));
          state.set(afterDrain, 0);
          return "sees no completion";
        }
        case DRAIN_LOCK -> {
          lock(state, taking);
          boolean none = view.load(state, connection.cqTail) == state.get(head);
          go(state, none ? Pc.DRAIN_UNLOCK : Pc.DRAIN_ENTRY);
          return none ? "finds it taken" : "locks taking";
        }
        case DRAIN_ENTRY -> {
          int id = view.take(state, connection.completion(state.get(head)));
          state.set(taken, id);
          go(state, Pc.DRAIN_HEAD);
          return "reads the completion of " + id;
        }
        case DRAIN_HEAD -> {
          int next = World.next(state.get(head));
          view.storeRelease(state, connection.cqHead, next);
          state.set(head, next);
          go(state, Pc.DRAIN_UNLOCK);
          return "stores cq_head";
        }
        case DRAIN_UNLOCK -> {
          unlock(state, taking);
          // After an empty-handed look the loop of drain() ends.
          go(state, state.get(taken) == 0 ? Pc.DRAIN : Pc.DRAIN_LAND);
          return "unlocks taking";
        }
        case DRAIN_LAND -> {
          int id = state.get(taken);
          if (state.has(flights, id)) {
            state.remove(flights, id);
            state.add(permits, 1);
            connection.complete(state, id);
          } else {
            Violation.unless(state.has(lost, id), "a completion of nothing");
          }
          state.set(taken, 0);
          state.set(any, 1);
          go(state, Pc.DRAIN);
          return "lands " + id;
        }
        default -> throw new IllegalStateException(now.toString());
      }
    }

    void lose(State state, int ids) {
      int now = state.get(flights) & ids;
      state.set(flights, state.get(flights) & ~now);
      state.set(lost, state.get(lost) | now);
      state.add(permits, Integer.bitCount(now));
    }

    @Override
    public String step(State state, int choice) {
      Blocked.unless(state.get(world.clientDead) == 0);
      Pc now = Pc.values()[state.get(pc)];
      return now.ordinal() >= Pc.DRAIN.ordinal() && now != Pc.END
          ? drainStep(state, now, choice)
          : step(state, now, choice);
    }

    private String drainStep(State state, Pc now, int choice) {
      Blocked.unless(choice == 0);
      return drain(state, now);
    }

    abstract String step(State state, Pc now, int choice);
  }

  /** Serves what nobody waits for, and hears of the server's death. */
  private final class Reader extends JavaThread {
    Reader() {
      super("reader", 1, Pc.READ);
      // The constructor of CompletionReader, before there is a second thread.
      world.variables.begin(connection.clientSleeping, 1);
    }

    @Override
    String step(State state, Pc now, int choice) {
      switch (now) {
        case READ -> {
          if (choice == 0) {
            Blocked.unless(
                state.get(lent) == 0 && state.get(connection.clientBell) == 1);
            go(state, Pc.READ_CLEAR);
            return "hears the doorbell";
          }
          Blocked.unless(state.get(world.serverDead) == 1);
          state.set(ended, 1);
          drainThen(state, Pc.LOSE);
          return "hears that the server has ended";
        }
        case READ_CLEAR -> {
          Blocked.unless(choice == 0);
          if (world.has(Mutation.CLIENT_CLEARS_BELL_AFTER_LOOKING)) {
            drainThen(state, Pc.READ_CLEAR_LATE);
            return "looks before it clears the doorbell";
          }
          state.set(connection.clientBell, 0);
          drainThen(state, Pc.READ_WAKE);
          return "clears the doorbell";
        }
        case READ_WAKE -> {
          Blocked.unless(choice == 0);
          if (!world.has(Mutation.READER_TAKES_THE_LEADERS_RING)) {
            wakeLeader(state);
          }
          go(state, Pc.READ);
          return "rings again if that was for a leader";
        }
        case READ_CLEAR_LATE -> {
          Blocked.unless(choice == 0);
          state.set(connection.clientBell, 0);
          go(state, Pc.READ);
          return "clears the doorbell, too late";
        }
        case LOSE -> {
          Blocked.unless(choice == 0);
          lose(state, -1);
          wakeLeader(state);
          go(state, Pc.END);
          return "tells all that the connection is over";
        }
        default -> throw Blocked.NOW;
      }
    }
  }

  /** A thread that submits batches and awaits them. */
  private final class Submitter extends JavaThread {
    private final Task[] tasks;
    private final int task;
    private final int rings;

    Submitter(String name, int me, Task... tasks) {
      super(name, me, Pc.NEXT);
      this.tasks = tasks;
      task = world.variables.one(name + ".task", 0);
      rings = world.variables.one(name + ".rings", 0);
    }

    private int id(State state) {
      return tasks[state.get(task)].id();
    }

    private void nextTask(State state) {
      state.add(task, 1);
      go(state, state.get(task) == tasks.length ? Pc.END : Pc.NEXT);
    }

    @Override
    String step(State state, Pc now, int choice) {
      Blocked.unless(choice == 0 || now == Pc.SPUN);
      return switch (now) {
        case NEXT, LOCK_SUBMITTING, WRITE_ENTRY, STORE_TAIL, UNLOCK_SUBMITTING, PUBLISH_FENCE,
            LOOK_AT_SERVER, RING, LOOK_AT_END -> submit(state, now);
        case AWAIT, BEGIN_SPINNING, UNLOCK_SPINNING, SPIN, SPUN, END_SPINNING, UNLOCK_SPUN,
            SPUN_FENCE -> spin(state, now, choice);
        case SLEEP, FOLLOW, BORROW_BELL, LEAD, LOOK_AT_FUTURE, AWAIT_BELL, CLEAR, LEAD_NO_MORE,
            GIVE_BELL_BACK, UNLOCK_LEADING -> sleep(state, now);
        default -> throw Blocked.NOW;
      };
    }

    private String submit(State state, Pc now) {
      int id = id(state);
      switch (now) {
        case NEXT -> {
          if (tasks[state.get(task)].what() == Task.What.AWAIT) {
            drainThen(state, Pc.AWAIT);
            return "begins to await " + id;
          }
          if (state.get(ended) == 1) {
            go(state, Pc.END);
            return "finds the connection ended";
          }
          Blocked.unless(state.get(permits) > 0);
          state.add(permits, -1);
          go(
              state,
              world.has(Mutation.CLIENT_RINGS_BEFORE_STORE)
                  ? Pc.LOOK_AT_SERVER
                  : Pc.LOCK_SUBMITTING);
          return "begins to submit " + id;
        }
        case LOCK_SUBMITTING -> {
          lock(state, submitting);
          go(state, Pc.WRITE_ENTRY);
          return "locks submitting";
        }
        case WRITE_ENTRY -> {
          view.store(state, connection.submission(state.get(tail)), id);
          state.put(flights, id);
          state.put(connection.published, id);
          go(state, Pc.STORE_TAIL);
          return "writes submission " + id;
        }
        case STORE_TAIL -> {
          int next = World.next(state.get(tail));
          if (world.has(Mutation.CLIENT_STORES_TAIL_PLAINLY)) {
            view.store(state, connection.sqTail, next);
          } else {
            view.storeRelease(state, connection.sqTail, next);
          }
          state.set(tail, next);
          go(state, Pc.UNLOCK_SUBMITTING);
          return "stores sq_tail";
        }
        case UNLOCK_SUBMITTING -> {
          if (world.has(Mutation.CLIENT_PUBLISHES_WITHOUT_FENCE)) {
            // Leaving a lock is no fence: what follows may pass the stores before it.
            state.set(submitting, 0);
          } else {
            unlock(state, submitting);
          }
          go(
              state,
              world.has(Mutation.CLIENT_RINGS_BEFORE_STORE)
                  ? Pc.LOOK_AT_END
                  : Pc.PUBLISH_FENCE);
          return "unlocks submitting";
        }
        case PUBLISH_FENCE -> {
          if (!world.has(Mutation.CLIENT_PUBLISHES_WITHOUT_FENCE)) {
            view.fence(state);
          }
          go(state, Pc.LOOK_AT_SERVER);
          return "full fence";
        }
        case LOOK_AT_SERVER -> {
          state.set(rings, view.load(state, connection.serverSleeping));
          go(state, Pc.RING);
          return "looks whether the server sleeps";
        }
        case RING -> {
          if (state.get(rings) == 1) {
            World.ring(state, connection.serverBell);
          }
          state.set(rings, 0);
          go(
              state,
              world.has(Mutation.CLIENT_RINGS_BEFORE_STORE)
                  ? Pc.LOCK_SUBMITTING
                  : Pc.LOOK_AT_END);
          return "rings if need be";
        }
        case LOOK_AT_END -> {
          if (state.get(ended) == 1) {
            lose(state, 1 << id);
          }
          nextTask(state);
          return "looks whether the connection has ended";
        }
        default -> throw new IllegalStateException();
      }
    }

    private String spin(State state, Pc now, int choice) {
      boolean done = isDone(state, id(state));
      switch (now) {
        case AWAIT -> {
          if (done) {
            nextTask(state);
          } else {
            go(state, Pc.BEGIN_SPINNING);
          }
          return done ? "is done" : "begins to spin";
        }
        case BEGIN_SPINNING -> {
          lock(state, spinLock);
          state.add(spinners, 1);
          if (state.get(spinners) == 1) {
            view.storeRelease(state, connection.clientSleeping, 0);
          }
          go(state, Pc.UNLOCK_SPINNING);
          return "is counted as a spinner";
        }
        case UNLOCK_SPINNING -> {
          unlock(state, spinLock);
          go(state, Pc.SPIN);
          return "unlocks";
        }
        case SPIN -> {
          drainThen(state, Pc.SPUN);
          return "spins";
        }
        case SPUN -> {
          boolean news = view.load(state, connection.cqTail) != state.get(head);
          // That it spins on without news is no step.
          Blocked.unless(choice == 0 ? !done && news : true);
          go(state, choice == 0 ? Pc.SPIN : Pc.END_SPINNING);
          return choice == 0 ? "spins on" : done ? "is done" : "has spun long enough";
        }
        case END_SPINNING -> {
          lock(state, spinLock);
          state.add(spinners, -1);
          if (state.get(spinners) == 0 && !world.has(Mutation.CLIENT_SLEEPS_SILENTLY)) {
            view.storeRelease(state, connection.clientSleeping, 1);
          }
          go(state, Pc.UNLOCK_SPUN);
          return "is no spinner any more";
        }
        case UNLOCK_SPUN -> {
          if (world.has(Mutation.CLIENT_SLEEPS_WITHOUT_FENCE)) {
            // Leaving a lock is no fence: what follows may pass the stores before it.
            state.set(spinLock, 0);
          } else {
            unlock(state, spinLock);
          }
          go(state, Pc.SPUN_FENCE);
          return "unlocks";
        }
        case SPUN_FENCE -> {
          if (!world.has(Mutation.CLIENT_SLEEPS_WITHOUT_FENCE)) {
            view.fence(state);
          }
          if (world.has(Mutation.CLIENT_SLEEPS_WITHOUT_SECOND_LOOK)) {
            go(state, Pc.SLEEP);
          } else {
            drainThen(state, Pc.SLEEP);
          }
          return "full fence";
        }
        default -> throw new IllegalStateException();
      }
    }

    private String sleep(State state, Pc now) {
      int id = id(state);
      switch (now) {
        case SLEEP -> {
          if (isDone(state, id)) {
            nextTask(state);
            return "is done";
          }
          boolean leads = state.get(leading) == 0;
          if (leads) {
            lock(state, leading);
          }
          go(state, leads ? Pc.BORROW_BELL : Pc.FOLLOW);
          return leads ? "leads" : "sleeps on its future";
        }
        case FOLLOW -> {
          Blocked.unless(isDone(state, id));
          go(state, Pc.SLEEP);
          return "is woken";
        }
        case BORROW_BELL -> {
          state.set(lent, 1);
          go(state, Pc.LEAD);
          return "takes the doorbell from the reader";
        }
        case LEAD -> {
          state.set(led, id);
          go(state, Pc.LOOK_AT_FUTURE);
          return "tells what it waits for";
        }
        case LOOK_AT_FUTURE -> {
          go(state, isDone(state, id) ? Pc.LEAD_NO_MORE : Pc.AWAIT_BELL);
          return "looks at its future";
        }
        case AWAIT_BELL -> {
          Blocked.unless(state.get(connection.clientBell) == 1);
          go(state, Pc.CLEAR);
          return "hears the doorbell";
        }
        case CLEAR -> {
          state.set(connection.clientBell, 0);
          go(state, Pc.LEAD_NO_MORE);
          return "clears the doorbell";
        }
        case LEAD_NO_MORE -> {
          state.set(led, 0);
          go(state, Pc.GIVE_BELL_BACK);
          return "waits no more";
        }
        case GIVE_BELL_BACK -> {
          if (!world.has(Mutation.READER_IS_LEFT_WITHOUT_BELL)) {
            state.set(lent, 0);
          }
          drainThen(state, Pc.UNLOCK_LEADING);
          return "gives the doorbell back";
        }
        case UNLOCK_LEADING -> {
          unlock(state, leading);
          go(state, Pc.SLEEP);
          return "leads no more";
        }
        default -> throw new IllegalStateException();
      }
    }
  }
}
