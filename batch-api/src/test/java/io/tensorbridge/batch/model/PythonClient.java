package io.tensorbridge.batch.model;

import io.tensorbridge.batch.model.World.Connection;
import java.util.ArrayList;
import java.util.List;

/**
 * The client in Python, {@code ring.py}: a thread at a time is the leader, which takes completions
 * and sleeps on the doorbell and the socket; the others follow. Event loops sleep on the doorbell.
 */
// A program counter is the number of a case, and each case ends with a step of its own.
@SuppressWarnings({"EnumOrdinal", "RefactorSwitch"})
final class PythonClient {
  private final World world;
  private final Connection connection;
  /** How many submissions may be under way, requests aside; with them, it is the ring's size. */
  private final int limit;

  private final int submitting;
  private final int leader;
  private final int loops;
  private final int failed;
  private final int inFlight;
  private final int postponed;
  /** The followers that sleep. */
  private final int asleep;

  private final List<PythonThread> threads = new ArrayList<>();

  PythonClient(World world, Connection connection, int limit) {
    this.world = world;
    this.connection = connection;
    this.limit = limit + (world.has(Mutation.CLIENT_OVERFILLS_THE_RING) ? 1 : 0);
    Variables variables = world.variables;
    submitting = variables.one("submitting", 0);
    leader = variables.one("leader", 0);
    loops = variables.one("loops", 0);
    failed = variables.one("failed", 0);
    inFlight = variables.one("in_flight", 0);
    postponed = variables.one("postponed", 0);
    asleep = variables.one("asleep", 0);
  }

  /** Begins with all submissions under way. */
  PythonClient submitted() {
    world.variables.begin(inFlight, connection.all());
    return this;
  }

  PythonClient thread(String name, Task... tasks) {
    PythonThread thread = new PythonThread(name, threads.size() + 1, tasks);
    threads.add(thread);
    world.agents.add(thread);
    return this;
  }

  /** What is wrong with the client if nothing more happens; empty if nothing is. */
  String wrongWith(State state) {
    if (state.get(world.clientDead) == 1) {
      return "";
    }
    for (PythonThread thread : threads) {
      if (!thread.hasEnded(state)) {
        return thread.name() + " sleeps for ever";
      }
    }
    boolean mayMiss = state.get(world.serverDead) == 1;
    if (!mayMiss && state.get(postponed) != 0) {
      return "a request is never published";
    }
    return "";
  }

  private final class PythonThread implements Agent {
    private enum Pc {
      NEXT,
      LOCK_SUBMITTING,
      WRITE_ENTRY,
      STORE_TAIL,
      UNLOCK_SUBMITTING,
      LOOK_AT_SERVER,
      RING,
      PUBLISHED,
      FULL,
      WAIT,
      SPIN,
      WAIT_UNTIL,
      FOLLOW,
      FOLLOWED,
      LEAD,
      LEAD_REAPED,
      TELL_SLEEPING,
      SLEEP_FENCE,
      SECOND_LOOK,
      POLL,
      TELL_AWAKE,
      CLEAR_LATE,
      REAP,
      REAP_ENTRY,
      REAP_HEAD,
      REAP_NOTIFY,
      POST_ALL,
      LEAVE,
      LEAVE_FENCE,
      LEAVE_LEADER,
      LEFT_LEADER,
      JOIN,
      LOOP_POLL,
      LOOP_LEADING,
      LOOP_AWAIT,
      END
    }

    private final String name;
    private final int me;
    private final Task[] tasks;
    private final Memory.View view;
    private final int pc;
    private final int task;
    private final int publishing;
    private final int rings;
    private final int tail;
    private final int head;
    private final int until;
    /** Where to go on after a publication, after reaping, and after leaving. */
    private final int afterPublish;

    private final int afterReap;
    private final int afterLeave;
    /** Waits for room in the ring rather than for its batch. */
    private final int wantsRoom;

    PythonThread(String name, int me, Task... tasks) {
      this.name = name;
      this.me = me;
      this.tasks = tasks;
      Variables variables = world.variables;
      view = world.memory.view(name, world.clientDead);
      pc = variables.one(name + ".pc", Pc.NEXT.ordinal());
      task = variables.one(name + ".task", 0);
      publishing = variables.one(name + ".publishing", 0);
      rings = variables.one(name + ".rings", 0);
      tail = variables.one(name + ".tail", 0);
      head = variables.one(name + ".head", 0);
      until = variables.one(name + ".until", 0);
      afterPublish = variables.one(name + ".afterPublish.pc", 0);
      afterReap = variables.one(name + ".afterReap.pc", 0);
      afterLeave = variables.one(name + ".afterLeave.pc", 0);
      wantsRoom = variables.one(name + ".wantsRoom", 0);
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
        case NEXT -> task(state).what() != Task.What.POST;
        case STORE_TAIL, TELL_SLEEPING, TELL_AWAKE, REAP_HEAD -> world.memory.isBuffered();
        case SLEEP_FENCE, LEAVE_FENCE, PUBLISHED, FULL, LEAD -> true;
        default -> false;
      };
    }

    boolean hasEnded(State state) {
      return Pc.values()[state.get(pc)] == Pc.END;
    }

    private Task task(State state) {
      return tasks[state.get(task)];
    }

    private void go(State state, Pc next) {
      state.set(pc, next.ordinal());
    }

    private void reapThen(State state, Pc after) {
      state.set(afterReap, after.ordinal());
      go(state, Pc.REAP);
    }

    private void leaveThen(State state, Pc after) {
      if (state.get(leader) != me) {
        go(state, after);
        return;
      }
      state.set(afterLeave, after.ordinal());
      go(state, Pc.LEAVE);
    }

    private void goBack(State state, int register) {
      state.set(pc, state.get(register));
      state.set(register, 0);
    }

    private boolean isSatisfied(State state) {
      return state.get(wantsRoom) == 1
          ? Integer.bitCount(state.get(inFlight)) < limit
          : state.has(connection.completed, task(state).id());
    }

    private void nextTask(State state) {
      state.add(task, 1);
      go(state, state.get(task) == tasks.length ? Pc.END : Pc.NEXT);
    }

    /**
     * What one thread does before another one has the interpreter, or a lock: it is a step, since it
     * touches no shared memory, and both hand over with a full fence.
     */
    private void locked(State state) {
      view.fence(state);
    }

    private void notifyFollowers(State state) {
      state.set(asleep, 0);
    }

    private boolean becomesLeader(State state) {
      locked(state);
      if (state.get(leader) == 0) {
        state.set(leader, me);
      }
      return state.get(leader) == me;
    }

    @Override
    public String step(State state, int choice) {
      Blocked.unless(state.get(world.clientDead) == 0);
      Pc now = Pc.values()[state.get(pc)];
      Blocked.unless(choice == 0 || now == Pc.SPIN || now == Pc.POLL || now == Pc.LOOP_AWAIT);
      return switch (now) {
        case NEXT -> begin(state);
        case LOCK_SUBMITTING, WRITE_ENTRY, STORE_TAIL, UNLOCK_SUBMITTING, LOOK_AT_SERVER, RING,
            PUBLISHED, FULL -> publish(state, now);
        case WAIT, SPIN, WAIT_UNTIL, FOLLOW, FOLLOWED, LEAD, LEAD_REAPED ->
            await(state, now, choice);
        case TELL_SLEEPING, SLEEP_FENCE, SECOND_LOOK, POLL, TELL_AWAKE, CLEAR_LATE ->
            sleep(state, now, choice);
        case REAP, REAP_ENTRY, REAP_HEAD, REAP_NOTIFY, POST_ALL -> reap(state, now);
        case LEAVE, LEAVE_FENCE, LEAVE_LEADER, LEFT_LEADER -> leave(state, now);
        case JOIN, LOOP_POLL, LOOP_LEADING, LOOP_AWAIT -> loop(state, now, choice);
        case END -> throw Blocked.NOW;
      };
    }

    private String begin(State state) {
      Task next = task(state);
      state.set(wantsRoom, 0);
      switch (next.what()) {
        case SUBMIT -> {
          state.set(publishing, next.id());
          state.set(afterPublish, Pc.PUBLISHED.ordinal());
          go(state, Pc.LOCK_SUBMITTING);
        }
        case POST -> {
          state.put(postponed, next.id());
          state.set(afterReap, Pc.PUBLISHED.ordinal());
          go(state, Pc.POST_ALL);
        }
        case AWAIT -> go(state, Pc.WAIT);
        case AWAIT_IN_LOOP -> go(state, Pc.JOIN);
      }
      return "begins to " + next.what() + " " + next.id();
    }

    // ---- publish ----

    private String publish(State state, Pc now) {
      int id = state.get(publishing);
      switch (now) {
        case LOCK_SUBMITTING -> {
          locked(state);
          Blocked.unless(state.get(submitting) == 0);
          if (state.get(failed) == 1) {
            leaveThen(state, Pc.END);
            return "finds the connection failed";
          }
          boolean request = connection.kind(id) == World.Kind.CANCEL;
          if (Integer.bitCount(state.get(inFlight)) >= (request ? connection.entries - 1 : limit)) {
            if (request) {
              state.put(postponed, id);
              state.set(publishing, 0);
              state.set(afterPublish, 0);
              goBack(state, afterReap);
            } else {
              go(state, Pc.FULL);
            }
            return "finds the ring full";
          }
          state.set(submitting, me);
          state.set(tail, view.load(state, connection.sqTail));
          go(
              state,
              world.has(Mutation.CLIENT_RINGS_BEFORE_STORE)
                  ? Pc.LOOK_AT_SERVER
                  : Pc.WRITE_ENTRY);
          return "locks submitting";
        }
        case WRITE_ENTRY -> {
          view.store(state, connection.submission(state.get(tail)), id);
          state.put(inFlight, id);
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
          go(
              state,
              world.has(Mutation.CLIENT_RINGS_BEFORE_STORE) ? Pc.RING : Pc.UNLOCK_SUBMITTING);
          return "stores sq_tail";
        }
        case UNLOCK_SUBMITTING -> {
          if (!world.has(Mutation.CLIENT_PUBLISHES_WITHOUT_FENCE)) {
            view.fence(state);
          }
          state.set(submitting, 0);
          go(state, Pc.LOOK_AT_SERVER);
          return "unlocks submitting: a full fence";
        }
        case LOOK_AT_SERVER -> {
          state.set(rings, view.load(state, connection.serverSleeping));
          go(
              state,
              world.has(Mutation.CLIENT_RINGS_BEFORE_STORE) ? Pc.WRITE_ENTRY : Pc.RING);
          return "looks whether the server sleeps";
        }
        case RING -> {
          if (state.get(rings) == 1) {
            World.ring(state, connection.serverBell);
          }
          if (state.get(submitting) == me) { // by the mistake of looking too early
            view.fence(state);
            state.set(submitting, 0);
          }
          state.set(rings, 0);
          state.set(tail, 0);
          state.set(publishing, 0);
          goBack(state, afterPublish);
          return "rings if need be";
        }
        case PUBLISHED -> {
          nextTask(state);
          return "has published";
        }
        case FULL -> {
          state.set(wantsRoom, 1);
          go(state, Pc.WAIT_UNTIL);
          return "waits for room";
        }
        default -> throw new IllegalStateException();
      }
    }

    // ---- wait, _wait_until, _lead, _follow ----

    private String await(State state, Pc now, int choice) {
      switch (now) {
        case WAIT -> {
          if (isSatisfied(state)) {
            nextTask(state);
            return "is done";
          }
          boolean leads = becomesLeader(state);
          go(state, leads ? Pc.SPIN : Pc.WAIT_UNTIL);
          return leads ? "leads" : "does not lead";
        }
        case SPIN -> {
          boolean news =
              view.load(state, connection.cqTail) != view.load(state, connection.cqHead);
          Blocked.unless(choice == 0 == news);
          // Then _leave, and _wait_until if the batch is not done.
          state.set(afterLeave, Pc.WAIT_UNTIL.ordinal());
          reapThen(state, Pc.LEAVE);
          return news ? "sees a completion" : "has spun long enough";
        }
        case WAIT_UNTIL -> {
          if (isSatisfied(state)) {
            boolean room = state.get(wantsRoom) == 1;
            state.set(wantsRoom, 0);
            if (!room) {
              // Only the end of the task is left, after the leadership, if it has that.
              leaveThen(state, Pc.PUBLISHED);
            } else {
              leaveThen(state, Pc.LOCK_SUBMITTING);
            }
            return "has what it waits for";
          }
          if (becomesLeader(state)) {
            if (state.get(loops) == 0) {
              view.store(state, connection.clientSleeping, 0);
            }
            go(state, Pc.LEAD);
            return "leads";
          }
          go(state, Pc.FOLLOW);
          return "does not lead";
        }
        case FOLLOW -> {
          locked(state);
          go(state, Pc.FOLLOWED);
          if (state.get(leader) != 0 && !isSatisfied(state)) {
            state.put(asleep, me);
            return "sleeps until the leader tells something";
          }
          return "need not follow";
        }
        case FOLLOWED -> {
          Blocked.unless(!state.has(asleep, me));
          boolean lost = !isSatisfied(state) && state.get(failed) == 1;
          go(state, lost ? Pc.END : Pc.WAIT_UNTIL);
          return lost ? "finds the connection failed" : "looks again";
        }
        case LEAD -> {
          reapThen(state, Pc.LEAD_REAPED);
          return "reaps";
        }
        case LEAD_REAPED -> {
          if (isSatisfied(state)) {
            go(state, Pc.WAIT_UNTIL);
            return "has what it waits for";
          }
          if (state.get(failed) == 1) {
            leaveThen(state, Pc.END);
            return "finds the connection failed";
          }
          go(state, Pc.TELL_SLEEPING);
          return "is about to sleep";
        }
        default -> throw new IllegalStateException();
      }
    }

    // ---- _sleep ----

    private String sleep(State state, Pc now, int choice) {
      switch (now) {
        case TELL_SLEEPING -> {
          if (!world.has(Mutation.CLIENT_SLEEPS_SILENTLY)) {
            view.store(state, connection.clientSleeping, 1);
          }
          go(state, Pc.SLEEP_FENCE);
          return "tells that it sleeps";
        }
        case SLEEP_FENCE -> {
          if (!world.has(Mutation.CLIENT_SLEEPS_WITHOUT_FENCE)) {
            view.fence(state);
          }
          go(state, Pc.SECOND_LOOK);
          return "full fence";
        }
        case SECOND_LOOK -> {
          boolean news =
              view.load(state, connection.cqTail) != view.load(state, connection.cqHead);
          if (news && !world.has(Mutation.CLIENT_SLEEPS_WITHOUT_SECOND_LOOK)) {
            view.store(state, connection.clientSleeping, 0);
            go(state, Pc.LEAD);
            return "finds news";
          }
          go(
              state,
              world.has(Mutation.CLIENT_CLEARS_BELL_AFTER_LOOKING) ? Pc.CLEAR_LATE : Pc.POLL);
          return "looks again";
        }
        case POLL -> {
          if (choice == 0) {
            Blocked.unless(state.get(connection.clientBell) == 1);
            state.set(connection.clientBell, 0); // hears each ring once
          } else {
            Blocked.unless(state.get(world.serverDead) == 1);
            state.set(failed, 1);
          }
          go(state, Pc.TELL_AWAKE);
          return choice == 0 ? "hears its doorbell" : "hears that the server has ended";
        }
        case TELL_AWAKE -> {
          view.store(state, connection.clientSleeping, 0);
          go(state, Pc.LEAD);
          return "tells that it is awake";
        }
        case CLEAR_LATE -> {
          state.set(connection.clientBell, 0);
          go(state, Pc.POLL);
          return "hears its doorbell, and sleeps on";
        }
        default -> throw new IllegalStateException();
      }
    }

    // ---- _reap, _post_all ----

    private String reap(State state, Pc now) {
      switch (now) {
        case REAP -> {
          state.set(head, view.load(state, connection.cqHead));
          state.set(until, view.load(state, connection.cqTail));
          if (state.get(until) == state.get(head)) {
            state.set(head, 0);
            state.set(until, 0);
            goBack(state, afterReap);
            return "finds no completion";
          }
          go(state, Pc.REAP_ENTRY);
          return "finds a completion";
        }
        case REAP_ENTRY -> {
          int id = view.take(state, connection.completion(state.get(head)));
          connection.complete(state, id);
          state.remove(inFlight, id);
          go(state, Pc.REAP_HEAD);
          return "reads the completion of " + id;
        }
        case REAP_HEAD -> {
          int next = World.next(state.get(head));
          state.set(head, next);
          view.storeRelease(state, connection.cqHead, next);
          go(state, Pc.REAP_NOTIFY);
          return "stores cq_head";
        }
        case REAP_NOTIFY -> {
          if (state.get(until) != state.get(head)) {
            go(state, Pc.REAP_ENTRY);
            return "finds another completion";
          }
          locked(state);
          notifyFollowers(state);
          state.set(head, 0);
          state.set(until, 0);
          if (state.get(postponed) != 0) {
            go(state, Pc.POST_ALL);
          } else {
            goBack(state, afterReap);
          }
          return "tells the followers";
        }
        case POST_ALL -> {
          int waiting = state.get(postponed);
          if (waiting == 0 || state.get(failed) == 1) {
            goBack(state, afterReap);
            return "has nothing to post";
          }
          int id = Integer.numberOfTrailingZeros(waiting);
          state.remove(postponed, id);
          state.set(publishing, id);
          state.set(afterPublish, Pc.POST_ALL.ordinal());
          go(state, Pc.LOCK_SUBMITTING);
          return "posts request " + id;
        }
        default -> throw new IllegalStateException();
      }
    }

    // ---- _leave, _hand_over ----

    private String leave(State state, Pc now) {
      switch (now) {
        case LEAVE -> {
          if (state.get(loops) > 0) {
            if (!becomesLeader(state)) {
              goBack(state, afterLeave);
              return "lets the next leader tell the loops";
            }
            if (!world.has(Mutation.LEADER_LEAVES_LOOPS_UNTOLD)) {
              view.store(state, connection.clientSleeping, 1);
            }
            go(state, Pc.LEAVE_FENCE);
            return "tells that only loops are there";
          }
          go(state, Pc.LEAVE_LEADER);
          return "is about to leave";
        }
        case LEAVE_FENCE -> {
          view.fence(state);
          if (world.has(Mutation.LEADER_LEAVES_LOOPS_WITHOUT_LOOKING)) {
            go(state, Pc.LEAVE_LEADER);
          } else {
            reapThen(state, Pc.LEAVE_LEADER);
          }
          return "full fence";
        }
        case LEAVE_LEADER -> {
          locked(state);
          if (state.get(leader) == me) {
            state.set(leader, 0);
          }
          go(state, Pc.LEFT_LEADER);
          return "leads no more";
        }
        case LEFT_LEADER -> {
          if (!world.has(Mutation.LEADER_LEAVES_WITHOUT_A_WORD)) {
            notifyFollowers(state);
          }
          if (state.get(loops) > 0 && view.load(state, connection.clientSleeping) == 0) {
            go(state, Pc.LEAVE);
            return "tells the followers, and sees that a loop came";
          }
          goBack(state, afterLeave);
          return "tells the followers";
        }
        default -> throw new IllegalStateException();
      }
    }

    // ---- wait_async, poll, _news ----

    private String loop(State state, Pc now, int choice) {
      switch (now) {
        case JOIN -> {
          if (isSatisfied(state)) {
            nextTask(state);
            return "is done";
          }
          if (state.get(failed) == 1) {
            go(state, Pc.END);
            return "finds the connection failed";
          }
          state.add(loops, 1);
          go(state, Pc.LOOP_POLL);
          return "has its loop watch the doorbell";
        }
        case LOOP_POLL -> {
          if (becomesLeader(state)) {
            go(state, Pc.LOOP_LEADING);
            return "leads";
          }
          go(state, Pc.LOOP_AWAIT);
          return "lets the leader take it";
        }
        case LOOP_LEADING -> {
          state.set(connection.clientBell, 0);
          state.set(afterLeave, Pc.LOOP_AWAIT.ordinal());
          reapThen(state, Pc.LEAVE);
          return "hears what was rung";
        }
        case LOOP_AWAIT -> {
          if (isSatisfied(state) || state.get(failed) == 1) {
            Blocked.unless(choice == 0);
            state.add(loops, -1);
            if (isSatisfied(state)) {
              nextTask(state);
            } else {
              go(state, Pc.END);
            }
            return "is woken";
          }
          if (choice == 0) {
            // With a leader there, _news does nothing, again and again, until that has heard the bell.
            Blocked.unless(
                state.get(connection.clientBell) == 1 && state.get(leader) == 0);
            go(state, Pc.LOOP_POLL);
            return "hears the doorbell";
          }
          Blocked.unless(state.get(world.serverDead) == 1);
          state.set(failed, 1);
          go(state, Pc.LOOP_POLL);
          return "hears that the server has ended";
        }
        default -> throw new IllegalStateException();
      }
    }
  }
}
