package io.tensorbridge.batch;

import io.tensorbridge.batch.wire.HeldCounts;
import io.tensorbridge.batch.wire.Observation;
import io.tensorbridge.batch.wire.ObservedClient;
import io.tensorbridge.batch.wire.ObservedServer;
import io.tensorbridge.batch.wire.WorkCounts;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/** Tells what a server holds and did, for whom; used by the dispatcher only. */
final class ServerObserver {
  private final Engine engine;
  private final ServerLog log;
  private final long startNanos = System.nanoTime();
  /** The work for clients that have gone. */
  private WorkCounts departed = WorkCounts.NONE;

  ServerObserver(Engine engine, ServerLog log) {
    this.engine = engine;
    this.log = log;
  }

  /** Keeps what was done for a client that has gone. */
  void departed(ClientSession session) {
    ObservedClient last = session.observe();
    if (last != null) {
      departed = departed.plus(last.work());
    }
  }

  /**
   * What observers see.
   *
   * @param uid who asks: root and the server's user see everything, others what is theirs
   * @param afterClient only clients with greater ids are listed
   * @param sessions all that are connected or leaving
   */
  Observation observe(int uid, long afterClient, Collection<ClientSession> sessions) {
    boolean everything = uid == 0 || uid == ProcessUser.own();
    HeldCounts held = HeldCounts.NONE;
    WorkCounts work = everything ? departed : WorkCounts.NONE;
    int count = 0;
    List<ObservedClient> clients = new ArrayList<>();
    for (ClientSession session : sessions) {
      if (everything || session.watch().uid() == uid) {
        ObservedClient client = session.observe();
        if (client != null) {
          count++;
          held = held.plus(client.held());
          work = work.plus(client.work());
          if (Long.compareUnsigned(client.id(), afterClient) > 0) {
            clients.add(client);
          }
        }
      }
    }
    clients.sort(Comparator.comparingLong(ObservedClient::id));
    return new Observation(server(count, held, work), clients, false);
  }

  private ObservedServer server(int clients, HeldCounts held, WorkCounts work) {
    Runtime jvm = Runtime.getRuntime();
    long committed = jvm.totalMemory();
    return new ObservedServer(
        (int) ProcessHandle.current().pid(),
        engine.pool().threadCount(),
        clients,
        System.nanoTime() - startNanos,
        committed - jvm.freeMemory(),
        committed,
        log.droppedLines(),
        held,
        work);
  }
}
