package io.tensorbridge.quantize.internal.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class SlowStartTest {
  private static final long CRAWLED = 1_000_000_000L;

  private final SlowStart start = new SlowStart();

  @Test
  void aSlowTurnIsFollowedByAnother() {
    assertTrue(start.begin());
    start.end(1, CRAWLED);
    assertTrue(start.begin());
    start.end(1, CRAWLED);
  }

  @Test
  void nobodyWaitsAfterAFastTurn() {
    assertTrue(start.begin());
    start.end(1 << 16, 1);
    assertFalse(start.begin());
  }

  @Test
  void noTwoThreadsHaveATurnAtOnce() throws Exception {
    AtomicInteger within = new AtomicInteger();
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      Future<?>[] ends = new Future<?>[64];
      for (int i = 0; i < ends.length; i++) {
        ends[i] =
            threads.submit(
                () -> {
                  assertTrue(start.begin());
                  assertEquals(1, within.incrementAndGet());
                  within.decrementAndGet();
                  start.end(1, CRAWLED);
                });
      }
      for (Future<?> end : ends) {
        end.get();
      }
    }
  }
}
