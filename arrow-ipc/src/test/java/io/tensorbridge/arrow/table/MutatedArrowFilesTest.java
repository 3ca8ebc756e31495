package io.tensorbridge.arrow.table;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.FormatException;
import io.tensorbridge.arrow.Mutation;
import io.tensorbridge.file.TensorEntry;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damaged files are read as far as they go, or refused by a FormatException: nothing else. The property
 * {@code tensorbridge.mutations} sets how many are made of each golden file.
 */
@Timeout(300)
class MutatedArrowFilesTest {
  private static final int MUTATIONS_PER_FILE = Integer.getInteger("tensorbridge.mutations", 250);
  @TempDir
  private Path directory;

  @Test
  void noMutationOfAGoldenFileDoesHarm() throws IOException {
    Path mutated = directory.resolve("mutated.arrow");
    SplittableRandom random = new SplittableRandom(20261125);
    int refused = 0;
    int read = 0;
    for (Path golden : ArrowFiles.in(ArrowFiles.folder("golden"))) {
      byte[] bytes = Files.readAllBytes(golden);
      for (int i = 0; i < MUTATIONS_PER_FILE; i++) {
        byte[] changed = Mutation.of(bytes, random);
        Files.write(mutated, changed);
        if (isRead(mutated, golden + " mutation " + i)) {
          read++;
        } else {
          refused++;
        }
      }
    }
    assertThat(refused).isPositive();
    assertThat(read).isPositive();
  }

  private static boolean isRead(Path path, String what) {
    try (LayerTableFile file = LayerTableFile.open(path)) {
      for (TensorEntry entry : file.entries()) {
        MemorySegment bytes = file.bytes(entry.name());
        assertThat(bytes.byteSize()).isEqualTo(entry.byteLength());
        assertThat(bytes.toArray(ValueLayout.JAVA_BYTE)).isNotNull();
        if (entry.dtype().isPresent()) {
          assertThat(file.tensor(entry.name()).byteLength()).isEqualTo(entry.byteLength());
        }
      }
      return true;
    } catch (FormatException refused) {
      assertThat(refused.rule()).as(what).isNotEmpty();
      assertThat(refused.byteOffset()).as(what).isBetween(0L, path.toFile().length());
      return false;
    } catch (RuntimeException | Error harm) {
      throw new AssertionError(what, harm);
    }
  }

  @Test
  void noTruncationOfAGoldenFileDoesHarm() throws IOException {
    Path cut = directory.resolve("cut.arrow");
    for (String name : List.of("weights-chunks", "quantized-seed-stream")) {
      byte[] bytes = Files.readAllBytes(ArrowFiles.golden(name));
      for (int length = 0; length < bytes.length; length++) {
        Files.write(cut, Arrays.copyOf(bytes, length));
        isRead(cut, name + " of " + length + " bytes");
      }
    }
  }
}
