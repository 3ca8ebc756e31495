package io.tensorbridge.batch;

import io.tensorbridge.batch.WireClient.Item;
import io.tensorbridge.batch.WireClient.Place;
import io.tensorbridge.batch.wire.SubmissionKind;
import io.tensorbridge.shm.LocalSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Prints what a crossing costs in this process; no test, run by hand. */
final class LatencyProbe {
  private static final int WARM_UP = 20_000;
  private static final int ROUNDS = 20_000;

  private LatencyProbe() {}

  public static void main(String[] arguments) throws InterruptedException {
    LocalSocket.Pair pair = LocalSocket.pair();
    BatchServer server = BatchServer.serve(pair.first(), ServerOptions.defaults());
    try (WireClient client = new WireClient(pair.second())) {
      for (int items : new int[]{1, 10, 100, 1000}) {
        long block = noops(client, items);
        measure("run", items, client, id -> client.submit(SubmissionKind.RUN, id, 0, 0, block));
        long prepared = 1L << 40 | items;
        client.submit(SubmissionKind.PREPARE, prepared, 0, 0, noops(client, items));
        client.await(prepared);
        measure(
            "run-prepared",
            items,
            client,
            id -> client.submit(SubmissionKind.RUN_PREPARED, id, prepared, 0, 0));
      }
      Thread.sleep(100);
      Duration before = cpu();
      Thread.sleep(2000);
      System.out.printf("idle: %d ms of CPU in 2 s%n", cpu().minus(before).toMillis());
    }
    server.awaitEnd();
  }

  private static Duration cpu() {
    return ProcessHandle.current().info().totalCpuDuration().orElseThrow();
  }

  private static long noops(WireClient client, int items) {
    List<Item> list = new ArrayList<>();
    for (int i = 0; i < items; i++) {
      list.add(Item.of(Place.input(ServerFixture.floats(64L * i, 2 + i % 7, 3))));
    }
    return client.block("noop", 0, 0, "", list);
  }

  private static void measure(
      String what, int items, WireClient client, java.util.function.LongConsumer submit) {
    int rounds = items >= 1000 ? ROUNDS / 10 : ROUNDS;
    long[] nanos = new long[rounds];
    for (int i = -(items >= 1000 ? WARM_UP / 10 : WARM_UP); i < rounds; i++) {
      long start = System.nanoTime();
      submit.accept(i + 1_000_000L);
      client.next();
      if (i >= 0) {
        nanos[i] = System.nanoTime() - start;
      }
    }
    Arrays.sort(nanos);
    System.out.printf(
        "%-13s %4d items: p50 %7.2f us  p99 %7.2f us%n",
        what, items, nanos[rounds / 2] / 1e3, nanos[rounds * 99 / 100] / 1e3);
  }
}
