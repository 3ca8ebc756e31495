package io.tensorbridge.arrow.table;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.FormatException;
import io.tensorbridge.file.TensorEntry;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
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
  private static final int[] EXTREMES = {
      0, 1, -1, 2, 4, 7, 8, 64, 255, 65535, Integer.MAX_VALUE, Integer.MIN_VALUE, 1 << 24, -8
  };

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
        byte[] changed = mutate(bytes, random);
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

  /** One to three changes, at places that are no plain values more often than not. */
  private static byte[] mutate(byte[] original, SplittableRandom random) {
    byte[] bytes = original.clone();
    int changes = 1 + random.nextInt(3);
    for (int i = 0; i < changes && bytes.length > 16; i++) {
      int at = random.nextInt(bytes.length - 8);
      ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
      switch (random.nextInt(7)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) random.nextInt();
        case 2 -> buffer.putInt(at / 4 * 4, EXTREMES[random.nextInt(EXTREMES.length)]);
        case 3 -> buffer.putLong(at / 8 * 8, random.nextLong() >> random.nextInt(64));
        case 4 -> buffer.putShort(at / 2 * 2, (short) random.nextInt(-3, 70));
        case 5 -> {
          int from = random.nextInt(bytes.length - 8);
          int length = 1 + random.nextInt(Math.min(64, bytes.length - Math.max(from, at)));
          System.arraycopy(original, from % (original.length - length), bytes, at, length);
        }
        default -> {
          if (random.nextInt(4) == 0) {
            bytes = Arrays.copyOf(bytes, 8 + random.nextInt(bytes.length - 8));
          } else {
            buffer.putInt(at / 4 * 4, buffer.getInt(at / 4 * 4) + random.nextInt(-9, 10));
          }
        }
      }
    }
    return bytes;
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
