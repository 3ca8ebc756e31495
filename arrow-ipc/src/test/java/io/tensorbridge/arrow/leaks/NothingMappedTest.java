package io.tensorbridge.arrow.leaks;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.Access;
import io.tensorbridge.arrow.ArrowFile;
import io.tensorbridge.arrow.fuzz.FuzzedArrow;
import io.tensorbridge.shm.SharedRegion;
import org.junit.jupiter.api.Test;

/** What all other tests rely on; the count is given only where JUnit found the extension. */
class NothingMappedTest {
  @Test
  void aRegionThatIsLeftIsFound(NothingMapped.Count before) {
    try (SharedRegion region = SharedRegion.create("left", 4096, Access.READWRITE)) {
      requireFound(before);
      region.region();
    }
    NothingMapped.requireNoMoreThan(before, 0);
  }

  @Test
  void aMappedFileThatIsLeftIsFound(NothingMapped.Count before) {
    try (ArrowFile file = ArrowFile.open(FuzzedArrow.files("golden").getFirst())) {
      requireFound(before);
      file.requireOpen();
    }
    NothingMapped.requireNoMoreThan(before, 0);
  }

  private static void requireFound(NothingMapped.Count before) {
    assertThatThrownBy(() -> NothingMapped.requireNoMoreThan(before, 0))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("is left where");
  }
}
