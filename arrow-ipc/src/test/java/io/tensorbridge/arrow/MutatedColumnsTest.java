package io.tensorbridge.arrow;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.arrow.fuzz.FuzzedArrow;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Damaged files of every layout, with dictionaries and compressed, are read as far as they go, or
 * refused by a FormatException: nothing else. The property {@code tensorbridge.mutations} sets how
 * many are made of each.
 */
@Timeout(300)
class MutatedColumnsTest {
  private static final int MUTATIONS_PER_FILE = Integer.getInteger("tensorbridge.mutations", 250);

  private static List<Path> files() {
    return FuzzedArrow.files("golden-layouts").stream()
        .filter(file -> file.toString().endsWith(".arrow"))
        .toList();
  }

  @Test
  void noMutationDoesHarm() {
    SplittableRandom random = new SplittableRandom(20261125);
    int read = 0;
    int refused = 0;
    for (Path file : files()) {
      byte[] bytes = FuzzedArrow.bytes(file);
      assertThat(FuzzedArrow.isRead(bytes)).as(file.toString()).isTrue();
      for (int i = 0; i < 10 * MUTATIONS_PER_FILE; i++) {
        if (isRead(Mutation.of(bytes, random), file + " mutation " + i)) {
          read++;
        } else {
          refused++;
        }
      }
    }
    assertThat(read).isPositive();
    assertThat(refused).isPositive();
  }

  @Test
  void noTruncationDoesHarm() {
    for (Path file : files()) {
      byte[] bytes = FuzzedArrow.bytes(file);
      for (int length = 0; length < bytes.length; length++) {
        isRead(Arrays.copyOf(bytes, length), file + " of " + length + " bytes");
      }
    }
  }

  private static boolean isRead(byte[] bytes, String what) {
    try {
      return FuzzedArrow.isRead(bytes);
    } catch (RuntimeException | Error harm) {
      throw new AssertionError(what, harm);
    }
  }
}
