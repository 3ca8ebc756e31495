package io.tensorbridge.batch.model;

import java.util.ArrayList;
import java.util.List;

/** What both sides of a connection share, and what a model is made of. */
final class World {
  /** Indices count modulo this; a power of 2, at least twice the ring's size. */
  static final int INDICES = 8;

  /** What a submission asks for. */
  enum Kind {
    /** A run that the dispatcher carries out itself. */
    INLINE,
    /** A run for the workers. */
    WORKERS,
    /** A request to end the run with the next lower id. */
    CANCEL
  }

  final Memory.Order order;
  final Mutation mutation;
  final Variables variables = new Variables();
  final Memory memory;
  final List<Agent> agents = new ArrayList<>();
  final int clientDead = variables.one("client.dead", 0);
  final int serverDead = variables.one("server.dead", 0);
  final List<Connection> connections = new ArrayList<>();

  World(Memory.Order order, Mutation mutation) {
    this.order = order;
    this.mutation = mutation;
    this.memory = new Memory(order, variables);
  }

  boolean has(Mutation mistake) {
    return mutation == mistake;
  }

  /** The control region of a connection, its doorbells, and what submissions ask for. */
  final class Connection {
    final int entries;
    final Kind[] kinds;
    final int sqTail;
    final int cqHead;
    final int clientSleeping;
    final int sqHead;
    final int cqTail;
    final int serverSleeping;
    final int submissions;
    final int completions;
    final int serverBell;
    final int clientBell;

    /** The ids that have been published, and those that the client has seen completed. */
    final int published;
    final int completed;

    /**
     * A fresh connection.
     *
     * @param entries of each ring
     * @param first at which index both rings begin
     * @param kinds of the submissions, whose ids are 1 and up
     */
    Connection(int entries, int first, Kind... kinds) {
      this.entries = entries;
      this.kinds = kinds;
      sqTail = variables.one("sq_tail", first);
      cqHead = variables.one("cq_head", first);
      clientSleeping = variables.one("client_sleeping", 0);
      sqHead = variables.one("sq_head", first);
      cqTail = variables.one("cq_tail", first);
      serverSleeping = variables.one("server_sleeping", 1);
      submissions = memory.ring("submission", entries);
      completions = memory.ring("completion", entries);
      serverBell = variables.one("server_bell", 0);
      clientBell = variables.one("client_bell", 0);
      published = variables.one("published", 0);
      completed = variables.one("completed", 0);
      connections.add(this);
    }

    Kind kind(int id) {
      return kinds[id - 1];
    }

    int submission(int index) {
      return submissions + index % entries;
    }

    int completion(int index) {
      return completions + index % entries;
    }

    /** A completion has reached the client. */
    void complete(State state, int id) {
      Agent.Violation.unless(state.has(published, id), "a completion of nothing");
      Agent.Violation.unless(!state.has(completed, id), "a second completion");
      state.put(completed, id);
    }

    /** All ids, as a set. */
    int all() {
      return (1 << (kinds.length + 1)) - 2;
    }
  }

  static int next(int index) {
    return (index + 1) % INDICES;
  }

  static int distance(int from, int to) {
    return Math.floorMod(to - from, INDICES);
  }

  /** An eventfd: rung often is rung once more than not. */
  static void ring(State state, int bell) {
    state.set(bell, 1);
  }

  /** Lets one side be killed at any moment. */
  void mayDie(int dead) {
    agents.add(
        new Agent() {
          @Override
          public String name() {
            return "kill -9";
          }

          @Override
          public boolean isFair(State state) {
            return false;
          }

          @Override
          public String step(State state, int choice) {
            Blocked.unless(state.get(clientDead) == 0 && state.get(serverDead) == 0);
            state.set(dead, 1);
            return dead == clientDead ? "ends the client" : "ends the server";
          }
        });
  }

  Model model(Model.End end) {
    List<Agent> all = new ArrayList<>(agents);
    all.addAll(memory.buffers());
    return new Model(variables, all, end);
  }
}
