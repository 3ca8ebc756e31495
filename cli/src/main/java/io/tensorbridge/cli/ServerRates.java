package io.tensorbridge.cli;

import io.tensorbridge.batch.wire.Observation;
import io.tensorbridge.batch.wire.ObservedClient;
import io.tensorbridge.batch.wire.WorkCounts;
import java.util.HashMap;
import java.util.Map;

/** Two looks at a server, and what happened between them. */
final class ServerRates {
  private final Observation now;
  private final Observation before;
  private final Map<Long, ObservedClient> earlier = new HashMap<>();

  /**
   * Compares two looks.
   *
   * @param before the earlier one
   * @param now the later one; where it is of another server, the rates are since its start
   */
  ServerRates(Observation before, Observation now) {
    this.now = now;
    this.before = before;
    if (isSameServer()) {
      before.clients().forEach(client -> earlier.put(client.id(), client));
    }
  }

  private boolean isSameServer() {
    return before.server().pid() == now.server().pid()
        && before.server().uptimeNanos() < now.server().uptimeNanos();
  }

  Observation now() {
    return now;
  }

  /** The time between the looks. */
  double seconds() {
    long since = isSameServer() ? before.server().uptimeNanos() : 0;
    return Math.max(1, now.server().uptimeNanos() - since) / 1e9;
  }

  /** The server's work in the meantime. */
  WorkCounts work() {
    WorkCounts all = now.server().work();
    return isSameServer() ? all.minus(before.server().work()) : all;
  }

  /** A client's work in the meantime. */
  WorkCounts work(ObservedClient client) {
    ObservedClient then = earlier.get(client.id());
    return then == null ? client.work() : client.work().minus(then.work());
  }

  double batchesPerSecond(WorkCounts work) {
    return work.batches() / seconds();
  }

  /** Bytes read and written. */
  double bytesPerSecond(WorkCounts work) {
    return ((double) work.inputBytes() + work.outputBytes()) / seconds();
  }

  /** The part of the time in which batches ran, from 0 to 1. */
  double busy(WorkCounts work) {
    return Math.min(1, work.busyNanos() / 1e9 / seconds());
  }
}
