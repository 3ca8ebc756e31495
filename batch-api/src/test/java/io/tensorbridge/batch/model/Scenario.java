package io.tensorbridge.batch.model;

import io.tensorbridge.batch.model.World.Connection;
import io.tensorbridge.batch.model.World.Kind;
import java.util.List;
import java.util.Set;

/**
 * Who does what in a small world.
 *
 * @param name what it is about
 * @param cast puts the agents into an empty world and tells how it may end
 */
record Scenario(String name, Cast cast) {
  /** Rings of two entries, whose indices wrap. */
  private static final int ENTRIES = 2;

  private static final int FIRST = World.INDICES - 1;

  private static final Set<String> LARGE =
      Set.of(
          "Python: three threads wait",
          "Python: the client dies, two workers",
          "Java: three batches, a full ring",
          "Java: two batches at once",
          "Java: the client dies",
          "Java: the server dies",
          "Java: the server dies, two threads wait");

  private static final Set<String> SMALL =
      Set.of(
          "Python: one batch after the other",
          "Python: a request to cancel",
          "Python: a thread and an event loop wait",
          "Python: the client dies",
          "Python: the server dies, a thread and a loop wait",
          "Java: two threads submit");

  /** Who takes part. */
  interface Cast {
    Model.End in(World world);
  }

  Model model(Memory.Order order, Mutation mutation) {
    World world = new World(order, mutation);
    return world.model(cast.in(world));
  }

  /** How long it takes to look at everything: less than a second, seconds, more. */
  enum Size {
    SMALL,
    MIDDLE,
    LARGE
  }

  Size size() {
    return SMALL.contains(name) ? Size.SMALL : LARGE.contains(name) ? Size.LARGE : Size.MIDDLE;
  }

  static Scenario named(String name) {
    return all().stream().filter(each -> each.name.equals(name)).findFirst().orElseThrow();
  }

  @Override
  public String toString() {
    return name;
  }

  static List<Scenario> all() {
    return List.of(
        new Scenario("Python: one batch after the other", world -> {
          Connection rings = world.new Connection(ENTRIES, FIRST, Kind.INLINE, Kind.WORKERS);
          return whole(
              world,
              new PythonClient(world, rings, ENTRIES)
                  .thread("t1", both()));
        }),
        new Scenario("Python: three batches at once, a full ring", world -> {
          Connection rings =
              world.new Connection(ENTRIES, FIRST, Kind.INLINE, Kind.WORKERS, Kind.INLINE);
          return whole(
              world,
              new PythonClient(world, rings, ENTRIES)
                  .thread(
                      "t1",
                      Task.submit(1),
                      Task.submit(2),
                      Task.submit(3),
                      Task.await(2),
                      Task.await(1),
                      Task.await(3)));
        }),
        new Scenario("Python: a request to cancel", world -> {
          Connection rings = world.new Connection(4, FIRST, Kind.WORKERS, Kind.CANCEL);
          return whole(
              world,
              new PythonClient(world, rings, 2)
                  .thread("t1", Task.submit(1), Task.post(2), Task.await(1)));
        }),
        new Scenario("Python: a request finds a full ring", world -> {
          Connection rings = world.new Connection(ENTRIES, FIRST, Kind.WORKERS, Kind.CANCEL);
          return whole(
              world,
              new PythonClient(world, rings, 1)
                  .thread("t1", Task.submit(1), Task.post(2), Task.await(1)));
        }),
        new Scenario("Python: two threads submit and wait", world -> {
          Connection rings = world.new Connection(ENTRIES, FIRST, Kind.INLINE, Kind.INLINE);
          return whole(
              world,
              new PythonClient(world, rings, ENTRIES)
                  .thread("t1", Task.submit(1), Task.await(1))
                  .thread("t2", Task.submit(2), Task.await(2)));
        }),
        new Scenario("Python: two threads, room for one", world -> {
          Connection rings = world.new Connection(ENTRIES, FIRST, Kind.INLINE, Kind.INLINE);
          return whole(
              world,
              new PythonClient(world, rings, 1)
                  .thread("t1", Task.submit(1), Task.await(1))
                  .thread("t2", Task.submit(2), Task.await(2)));
        }),
        new Scenario("Python: two threads wait, two workers", world -> {
          Connection rings = world.new Connection(ENTRIES, FIRST, Kind.WORKERS, Kind.WORKERS);
          return workers(
              world,
              2,
              new PythonClient(world, rings, ENTRIES)
                  .submitted()
                  .thread("t1", Task.await(1))
                  .thread("t2", Task.await(2)));
        }),
        new Scenario("Python: three threads wait", world -> {
          Connection rings =
              world.new Connection(4, FIRST, Kind.WORKERS, Kind.WORKERS, Kind.WORKERS);
          return workers(
              world,
              1,
              new PythonClient(world, rings, 4)
                  .submitted()
                  .thread("t1", Task.await(1))
                  .thread("t2", Task.await(2))
                  .thread("t3", Task.await(3)));
        }),
        new Scenario("Python: a thread and an event loop wait", world -> {
          Connection rings = world.new Connection(ENTRIES, FIRST, Kind.WORKERS, Kind.WORKERS);
          return workers(
              world,
              1,
              new PythonClient(world, rings, ENTRIES)
                  .submitted()
                  .thread("t1", Task.await(1))
                  .thread("loop", Task.awaitInLoop(2)));
        }),
        new Scenario("Python: two threads and an event loop wait", world -> {
          Connection rings =
              world.new Connection(4, FIRST, Kind.WORKERS, Kind.WORKERS, Kind.WORKERS);
          return workers(
              world,
              1,
              new PythonClient(world, rings, 4)
                  .submitted()
                  .thread("t1", Task.await(1))
                  .thread("t2", Task.await(2))
                  .thread("loop", Task.awaitInLoop(3)));
        }),
        new Scenario("Python: an event loop submits", world -> {
          Connection rings = world.new Connection(ENTRIES, FIRST, Kind.INLINE, Kind.WORKERS);
          return whole(
              world,
              new PythonClient(world, rings, ENTRIES)
                  .thread(
                      "loop",
                      Task.submit(1),
                      Task.awaitInLoop(1),
                      Task.submit(2),
                      Task.awaitInLoop(2)));
        }),
        new Scenario("Python: the client dies", world -> {
          Connection rings = world.new Connection(ENTRIES, FIRST, Kind.INLINE, Kind.WORKERS);
          world.mayDie(world.clientDead);
          return whole(
              world,
              new PythonClient(world, rings, ENTRIES)
                  .thread("t1", both()));
        }),
        new Scenario("Python: the client dies, two workers", world -> {
          Connection rings = world.new Connection(ENTRIES, FIRST, Kind.WORKERS, Kind.WORKERS);
          world.mayDie(world.clientDead);
          PythonClient client = new PythonClient(world, rings, ENTRIES)
              .thread("t1", Task.submit(1), Task.submit(2), Task.await(1), Task.await(2));
          Server server = new Server(world, 2);
          return state -> joined(server.wrongWith(state), client.wrongWith(state));
        }),
        new Scenario("Python: the server dies", world -> {
          Connection rings = world.new Connection(ENTRIES, FIRST, Kind.INLINE, Kind.WORKERS);
          world.mayDie(world.serverDead);
          return whole(
              world,
              new PythonClient(world, rings, ENTRIES)
                  .thread("t1", both()));
        }),
        new Scenario("Python: the server dies, a thread and a loop wait", world -> {
          Connection rings = world.new Connection(ENTRIES, FIRST, Kind.WORKERS, Kind.WORKERS);
          world.mayDie(world.serverDead);
          return workers(
              world,
              1,
              new PythonClient(world, rings, ENTRIES)
                  .submitted()
                  .thread("t1", Task.await(1))
                  .thread("loop", Task.awaitInLoop(2)));
        }),
        new Scenario("Python: the server dies, two threads wait", world -> {
          Connection rings = world.new Connection(ENTRIES, FIRST, Kind.WORKERS, Kind.WORKERS);
          world.mayDie(world.serverDead);
          return workers(
              world,
              1,
              new PythonClient(world, rings, ENTRIES)
                  .submitted()
                  .thread("t1", Task.await(1))
                  .thread("t2", Task.await(2)));
        }),
        new Scenario("Java: one batch after the other", world -> {
          Connection rings = world.new Connection(ENTRIES, FIRST, Kind.INLINE, Kind.WORKERS);
          return whole(
              world,
              new JavaClient(world, rings, ENTRIES)
                  .thread("t1", both()));
        }),
        new Scenario("Java: two batches at once", world -> {
          Connection rings = world.new Connection(ENTRIES, FIRST, Kind.INLINE, Kind.WORKERS);
          return whole(
              world,
              new JavaClient(world, rings, ENTRIES)
                  .thread("t1", Task.submit(1), Task.submit(2), Task.await(2), Task.await(1)));
        }),
        new Scenario("Java: two threads submit", world -> {
          Connection rings = world.new Connection(ENTRIES, FIRST, Kind.INLINE, Kind.INLINE);
          return whole(
              world,
              new JavaClient(world, rings, ENTRIES)
                  .thread("t1", Task.submit(1))
                  .thread("t2", Task.submit(2)));
        }),
        new Scenario("Java: three batches, a full ring", world -> {
          Connection rings =
              world.new Connection(ENTRIES, FIRST, Kind.INLINE, Kind.INLINE, Kind.INLINE);
          return whole(
              world,
              new JavaClient(world, rings, ENTRIES)
                  .thread("t1", Task.submit(1), Task.submit(2), Task.submit(3), Task.await(3)));
        }),
        new Scenario("Java: two threads wait", world -> {
          Connection rings = world.new Connection(ENTRIES, FIRST, Kind.WORKERS, Kind.WORKERS);
          return workers(
              world,
              1,
              new JavaClient(world, rings, ENTRIES)
                  .submitted()
                  .thread("t1", Task.await(1))
                  .thread("t2", Task.await(2)));
        }),
        new Scenario("Java: the client dies", world -> {
          Connection rings = world.new Connection(ENTRIES, FIRST, Kind.INLINE, Kind.WORKERS);
          world.mayDie(world.clientDead);
          return whole(
              world,
              new JavaClient(world, rings, ENTRIES)
                  .thread("t1", both()));
        }),
        new Scenario("Java: the server dies", world -> {
          Connection rings = world.new Connection(ENTRIES, FIRST, Kind.INLINE, Kind.WORKERS);
          world.mayDie(world.serverDead);
          return whole(
              world,
              new JavaClient(world, rings, ENTRIES)
                  .thread("t1", both()));
        }),
        new Scenario("Java: the server dies, two threads wait", world -> {
          Connection rings = world.new Connection(ENTRIES, FIRST, Kind.WORKERS, Kind.WORKERS);
          world.mayDie(world.serverDead);
          return workers(
              world,
              1,
              new JavaClient(world, rings, ENTRIES)
                  .submitted()
                  .thread("t1", Task.await(1))
                  .thread("t2", Task.await(2)));
        }),
        new Scenario("two clients of one dispatcher", world -> {
          Connection first = world.new Connection(ENTRIES, FIRST, Kind.INLINE);
          Connection second = world.new Connection(ENTRIES, FIRST, Kind.INLINE);
          PythonClient one =
              new PythonClient(world, first, ENTRIES)
                  .thread("p", Task.submit(1), Task.await(1));
          PythonClient other =
              new PythonClient(world, second, ENTRIES)
                  .thread("q", Task.submit(1), Task.await(1));
          Server server = new Server(world, 0);
          return state -> joined(
              server.wrongWith(state),
              joined(one.wrongWith(state), other.wrongWith(state)));
        }));
  }

  private static Task[] both() {
    return new Task[]{Task.submit(1), Task.await(1), Task.submit(2), Task.await(2)};
  }

  private static String joined(String one, String other) {
    return one.isEmpty() || other.isEmpty() ? one + other : one + "; " + other;
  }

  private static Model.End whole(World world, PythonClient client) {
    Server server = new Server(world, 1);
    return state -> joined(server.wrongWith(state), client.wrongWith(state));
  }

  private static Model.End whole(World world, JavaClient client) {
    Server server = new Server(world, 1);
    return state -> joined(server.wrongWith(state), client.wrongWith(state));
  }

  private static Model.End workers(World world, int count, PythonClient client) {
    Server server = Server.ofWorkers(world, count);
    return state -> joined(server.wrongWith(state), client.wrongWith(state));
  }

  private static Model.End workers(World world, int count, JavaClient client) {
    Server server = Server.ofWorkers(world, count);
    return state -> joined(server.wrongWith(state), client.wrongWith(state));
  }
}
