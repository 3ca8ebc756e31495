package io.tensorbridge.batch;

import io.tensorbridge.shm.PeerCredentials;
import org.jspecify.annotations.Nullable;

/** Who a client is, and what is counted and told about it. */
final class ClientWatch {
  private final long id;
  private final PeerCredentials peer;
  private final ServerEvents events;
  private final long bornNanos = System.nanoTime();
  private final Tally dispatcher = new Tally();
  private final Tally workers = new Tally();

  /**
   * A client that has just come.
   *
   * @param id counts the clients of the server, from 1
   * @param peer its process
   * @param events hear of it
   */
  ClientWatch(long id, PeerCredentials peer, ServerEvents events) {
    this.id = id;
    this.peer = peer;
    this.events = events;
  }

  long id() {
    return id;
  }

  PeerCredentials peer() {
    return peer;
  }

  int pid() {
    return peer.pid();
  }

  int uid() {
    return peer.uid();
  }

  long ageNanos() {
    return System.nanoTime() - bornNanos;
  }

  ServerEvents events() {
    return events;
  }

  /** What the dispatcher does; used by its thread only. */
  Tally dispatcher() {
    return dispatcher;
  }

  /** What the workers do; used under the lock of the client's {@link ClientBatches}. */
  Tally workers() {
    return workers;
  }

  /** Follows a submission if a recording wants that. */
  @Nullable
  BatchTrace trace(Submission submission) {
    return events.wantsBatches() ? new BatchTrace(id, submission.batchId()) : null;
  }
}
