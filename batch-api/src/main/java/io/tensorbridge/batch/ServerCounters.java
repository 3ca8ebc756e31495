package io.tensorbridge.batch;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** What a server holds for its clients now; thread-safe. */
final class ServerCounters {
  final AtomicInteger clients = new AtomicInteger();
  final AtomicInteger regions = new AtomicInteger();
  final AtomicLong regionBytes = new AtomicLong();
  final AtomicInteger leases = new AtomicInteger();
  final AtomicInteger batches = new AtomicInteger();

  BatchServer.Usage usage() {
    return new BatchServer.Usage(
        clients.get(), regions.get(), regionBytes.get(), leases.get(), batches.get());
  }
}
