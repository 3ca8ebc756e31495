package io.tensorbridge.batch.model;

import java.util.ArrayList;
import java.util.List;

/**
 * Shared memory as threads see it: each has a buffer of stores that others can't see yet.
 *
 * <p>Loads happen in the order of the program. That holds for the real ones, too: each is an acquire
 * load or follows one, or a lock.
 */
final class Memory {
  /** In which order stores leave a buffer. */
  enum Order {
    /** At once: sequential consistency. */
    NONE,
    /** First in, first out: x86-64. */
    TOTAL,
    /** Any, but a release store after all before it, and stores to a word in turn: aarch64. */
    WEAK
  }

  /** A store never waits for room in a buffer that is this long: it waits until one has left. */
  private static final int LENGTH = 5;

  /** A slot of a ring must have been read before it is written again. */
  private record Slots(int first, int count, int full) {}

  private final Order order;
  private final Variables variables;
  private final List<Agent> buffers = new ArrayList<>();
  private final List<Slots> slots = new ArrayList<>();

  Memory(Order order, Variables variables) {
    this.order = order;
    this.variables = variables;
  }

  /** The buffers, which empty by themselves. */
  List<Agent> buffers() {
    return order == Order.NONE ? List.of() : buffers;
  }

  /** The slots of a ring; gives the first word. */
  int ring(String name, int count) {
    int first = variables.many(name, count);
    int full = variables.one(name + ".full", 0);
    slots.add(new Slots(first, count, full));
    return first;
  }

  /** Whether a store changes nothing that others see at once. */
  boolean isBuffered() {
    return order != Order.NONE;
  }

  /**
   * A thread's view.
   *
   * @param dead tells whether the thread's process was killed: then what it has stored may become
   *     visible or not, as if it had been killed before
   */
  View view(String thread, int dead) {
    View view = new View(thread, dead);
    buffers.add(view);
    return view;
  }

  private void commit(State state, int word, int value) {
    for (Slots ring : slots) {
      int slot = word - ring.first;
      if (slot >= 0 && slot < ring.count) {
        Agent.Violation.unless(
            !state.has(ring.full, slot), "a slot is overwritten before it was read");
        state.put(ring.full, slot);
      }
    }
    state.set(word, value);
  }

  /** Shared memory as one thread sees it, and the thread's buffer. */
  final class View implements Agent {
    private final String thread;
    private final int dead;
    private final int length;
    private final int words;
    private final int values;
    private final int releases;

    private View(String thread, int dead) {
      this.thread = thread;
      this.dead = dead;
      int room = order == Order.NONE ? 0 : LENGTH;
      length = variables.one(thread + ".stores", 0);
      words = variables.many(thread + ".store.word", room);
      values = variables.many(thread + ".store.value", room);
      releases = variables.one(thread + ".store.release", 0);
    }

    int load(State state, int word) {
      for (int i = state.get(length) - 1; i >= 0; i--) {
        if (state.get(words + i) == word) {
          return state.get(values + i);
        }
      }
      return state.get(word);
    }

    /** Reads a slot of a ring, after which it may be written again. */
    int take(State state, int slot) {
      for (Slots ring : slots) {
        if (slot >= ring.first && slot < ring.first + ring.count) {
          Violation.unless(
              state.has(ring.full, slot - ring.first),
              "a slot is read before it was written");
          state.remove(ring.full, slot - ring.first);
        }
      }
      return state.get(slot);
    }

    void store(State state, int word, int value) {
      store(state, word, value, false);
    }

    void storeRelease(State state, int word, int value) {
      store(state, word, value, true);
    }

    private void store(State state, int word, int value, boolean release) {
      if (order == Order.NONE) {
        commit(state, word, value);
        return;
      }
      int at = state.get(length);
      Blocked.unless(at < LENGTH);
      state.set(words + at, word);
      state.set(values + at, value);
      if (release) {
        state.put(releases, at);
      }
      state.set(length, at + 1);
    }

    /** Waits until all can see what this thread has stored: a fence, taking or leaving a lock. */
    void fence(State state) {
      Blocked.unless(state.get(length) == 0);
    }

    @Override
    public String name() {
      return "stores of " + thread;
    }

    @Override
    public boolean isFair(State state) {
      return state.get(dead) == 0;
    }

    @Override
    public int choices() {
      return order == Order.WEAK ? LENGTH : 1;
    }

    @Override
    public String step(State state, int choice) {
      int count = state.get(length);
      Blocked.unless(choice < count && mayLeave(state, choice));
      int word = state.get(words + choice);
      commit(state, word, state.get(values + choice));
      int bits = state.get(releases);
      for (int i = choice; i + 1 < count; i++) {
        state.set(words + i, state.get(words + i + 1));
        state.set(values + i, state.get(values + i + 1));
      }
      state.set(words + count - 1, 0);
      state.set(values + count - 1, 0);
      state.set(releases, (bits & ((1 << choice) - 1)) | ((bits >> (choice + 1)) << choice));
      state.set(length, count - 1);
      return "become visible";
    }

    private boolean mayLeave(State state, int index) {
      if (state.has(releases, index)) {
        return index == 0;
      }
      for (int i = 0; i < index; i++) {
        if (state.get(words + i) == state.get(words + index)) {
          return false;
        }
      }
      return true;
    }
  }
}
