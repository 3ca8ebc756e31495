package io.tensorbridge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class RegionTest {
  private final AtomicInteger unmapped = new AtomicInteger();

  private Region region() {
    return new Region(
        "test",
        MemorySegment.ofArray(new byte[16]),
        Access.READ,
        Backing.PRIVATE,
        unmapped::incrementAndGet);
  }

  @Test
  void aRegionWithoutLeasesIsUnmappedWhenItIsClosed() {
    Region region = region();
    region.close();
    region.close();
    assertThat(unmapped).hasValue(1);
    assertThat(region.isUnmapped()).isTrue();
  }

  @Test
  void theLastLeaseOfAClosedRegionUnmapsIt() {
    Region region = region();
    Lease first = region.lease("first");
    Lease second = region.lease("second");
    region.close();
    first.close();
    first.close();
    assertThat(region.holders()).containsExactly("second");
    assertThat(unmapped).hasValue(0);
    second.close();
    assertThat(unmapped).hasValue(1);
  }

  @Test
  void aClosedRegionGivesNoLease() {
    Region region = region();
    region.close();
    assertThatThrownBy(() -> region.lease("late")).isInstanceOf(BridgeClosedException.class);
  }

  @Test
  void closingWithPatienceSaysWhoStillHoldsALease() {
    Region region = region();
    Lease lease = region.lease("batch 7");
    assertThatThrownBy(() -> region.close(Duration.ZERO))
        .isInstanceOf(ResourceException.class)
        .hasMessageContaining("batch 7");
    lease.close();
    region.close(Duration.ZERO);
    assertThat(unmapped).hasValue(1);
  }

  @Test
  void manyThreadsThatLeaseAndReleaseUnmapOnce() throws InterruptedException {
    Region region = region();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      threads.add(Thread.ofPlatform().start(() -> leaseUntilClosed(region)));
    }
    region.close(Duration.ofSeconds(30));
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(unmapped).hasValue(1);
    assertThat(region.leaseCount()).isZero();
  }

  private static void leaseUntilClosed(Region region) {
    try {
      while (true) {
        region.lease("thread").close();
      }
    } catch (BridgeClosedException closed) {
      // what every thread ends with
    }
  }
}
