package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LongMapTest {
  @Test
  void itHoldsWhatAHashMapHolds() {
    Random random = new Random(1);
    for (int round = 0; round < 200; round++) {
      LongMap<String> map = new LongMap<>();
      Map<Long, String> expected = new HashMap<>();
      for (int step = 0; step < 1000; step++) {
        long key = random.nextInt(40) * (random.nextBoolean() ? 1L : -1L << 40);
        if (random.nextInt(3) == 0) {
          assertThat(map.remove(key)).isEqualTo(expected.remove(key));
        } else {
          String value = "v" + step;
          map.put(key, value);
          expected.put(key, value);
        }
        assertThat(map.size()).isEqualTo(expected.size());
        assertThat(map.get(key)).isEqualTo(expected.get(key));
      }
      assertThat(map.keys()).containsExactlyInAnyOrderElementsOf(expected.keySet());
      assertThat(map.values()).containsExactlyInAnyOrderElementsOf(expected.values());
      expected.forEach((key, value) -> assertThat(map.get(key)).isEqualTo(value));
      map.clear();
      assertThat(map.size()).isZero();
      assertThat(map.keys()).isEmpty();
    }
  }
}
