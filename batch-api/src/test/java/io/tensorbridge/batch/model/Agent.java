package io.tensorbridge.batch.model;

/** One that takes steps: a thread, a store buffer, or fate. */
interface Agent {
  /** Its name in traces. */
  String name();

  /** In how many ways its next step can go, at most. */
  default int choices() {
    return 1;
  }

  /** Whether it takes a step at last if it always can. */
  default boolean isFair(State state) {
    return true;
  }

  /**
   * Whether its next step concerns nobody else: it neither reads nor changes what others change or
   * read, and no other can hinder it. Then no other order of steps needs to be looked at. There must
   * be no way in circles by such steps alone.
   */
  default boolean isLocal(State state) {
    return false;
  }

  /**
   * Takes a step.
   *
   * @param state where it stands; changed
   * @param choice which way to go
   * @return what it did
   * @throws Blocked if it can't now; the state is of no use then
   * @throws Violation if it did what must not be
   */
  String step(State state, int choice);

  /** An agent can't take a step now. */
  final class Blocked extends RuntimeException {
    private static final long serialVersionUID = 1;
    @SuppressWarnings("StaticAssignmentOfThrowable") // without a trace, and thrown a million times
    static final Blocked NOW = new Blocked();

    private Blocked() {
      super("blocked", null, false, false);
    }

    static void unless(boolean condition) {
      if (!condition) {
        throw NOW;
      }
    }
  }

  /** What must not be. */
  final class Violation extends RuntimeException {
    private static final long serialVersionUID = 1;

    Violation(String what) {
      super(what, null, false, false);
    }

    static void unless(boolean condition, String what) {
      if (!condition) {
        throw new Violation(what);
      }
    }
  }
}
