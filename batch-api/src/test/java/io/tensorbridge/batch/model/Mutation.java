package io.tensorbridge.batch.model;

/** A mistake that can be built into a model, to see that the checker finds it. */
enum Mutation {
  NONE,
  /** The client looks whether the server sleeps without a fence after its store. */
  CLIENT_PUBLISHES_WITHOUT_FENCE,
  /** The client looks whether the server sleeps before it stores the tail. */
  CLIENT_RINGS_BEFORE_STORE,
  /** The tail may become visible before the entry does. */
  CLIENT_STORES_TAIL_PLAINLY,
  /** One submission too many is under way. */
  CLIENT_OVERFILLS_THE_RING,
  /** The client sleeps without telling the server that it does. */
  CLIENT_SLEEPS_SILENTLY,
  CLIENT_SLEEPS_WITHOUT_FENCE,
  CLIENT_SLEEPS_WITHOUT_SECOND_LOOK,
  /** The doorbell is cleared after the last look, not before. */
  CLIENT_CLEARS_BELL_AFTER_LOOKING,
  /** Who leaves the leadership tells no follower. */
  LEADER_LEAVES_WITHOUT_A_WORD,
  /** Who hands over to event loops does not tell the server that they sleep. */
  LEADER_LEAVES_LOOPS_UNTOLD,
  /** Who hands over to event loops does not look again. */
  LEADER_LEAVES_LOOPS_WITHOUT_LOOKING,
  /** Who takes the completion of another leader does not wake it. */
  LEADER_IS_NOT_WOKEN,
  /** The reader thread, about to hear a ring, clears the one that is for a leader who came since. */
  READER_TAKES_THE_LEADERS_RING,
  /** The reader thread does not get the doorbell back. */
  READER_IS_LEFT_WITHOUT_BELL,
  SERVER_POSTS_WITHOUT_FENCE,
  /** The completion may become visible after the tail that publishes it. */
  SERVER_STORES_TAIL_PLAINLY,
  SERVER_SLEEPS_WITHOUT_FENCE,
  SERVER_SLEEPS_WITHOUT_SECOND_LOOK,
  /** The server sleeps without telling clients that it does. */
  SERVER_SLEEPS_SILENTLY,
  /** The doorbell is cleared after the last look, not before. */
  SERVER_CLEARS_BELL_AFTER_LOOKING,
  /** Workers and dispatcher post completions without a lock. */
  SERVER_POSTS_WITHOUT_LOCK,
  /** A batch that was cancelled is completed twice: by who cancelled it, and by its worker. */
  SERVER_COMPLETES_CANCELLED_TWICE,
  /** Nobody watches whether the client lives. */
  SERVER_DOES_NOT_WATCH_THE_CLIENT,
  /** Memory of a dead client is released while a worker still uses it. */
  SERVER_RELEASES_TOO_SOON,
  /** The worker that ends the last batch of a dead client tells nobody. */
  SERVER_FORGETS_THE_LAST_BATCH
}
