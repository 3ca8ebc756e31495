package io.tensorbridge.batch.model;

/**
 * What a client's thread does next.
 *
 * @param what to do
 * @param id of the submission
 */
record Task(What what, int id) {
  enum What {
    SUBMIT,
    /** Publishes a CANCEL or FORGET, for which nobody waits. */
    POST,
    AWAIT,
    /** Waits in an event loop. */
    AWAIT_IN_LOOP
  }

  static Task submit(int id) {
    return new Task(What.SUBMIT, id);
  }

  static Task post(int id) {
    return new Task(What.POST, id);
  }

  static Task await(int id) {
    return new Task(What.AWAIT, id);
  }

  static Task awaitInLoop(int id) {
    return new Task(What.AWAIT_IN_LOOP, id);
  }
}
