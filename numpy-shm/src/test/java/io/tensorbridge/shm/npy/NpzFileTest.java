package io.tensorbridge.shm.npy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.Backing;
import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.shm.file.ByteSource;
import io.tensorbridge.shm.file.MappedFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NpzFileTest {
  @ParameterizedTest
  @ValueSource(strings = {"stored", "compressed"})
  void arraysAreFoundByNameInOrder(String name) {
    Path path = Golden.path(name + ".npz");
    try (TensorFile file = TensorFileFormats.ofServices().forPath(path).open(path)) {
      assertThat(file.entries())
          .extracting(TensorEntry::name)
          .containsExactly("a.weight", "fortran", "big", "scalar", "empty", "größe");
      assertThat(file.entry("größe").dtype()).contains(DType.I16);
      for (String array : List.of("a.weight", "fortran", "big", "größe")) {
        assertThat(file.tensor(array).isRowMajor()).isTrue();
        assertThat(Golden.values(file.tensor(array))).isEqualTo(Golden.flatIndex());
        assertThat(file.bytes(array).byteSize()).isEqualTo(file.entry(array).byteLength());
      }
      assertThat(file.tensor("scalar").getDouble()).isEqualTo(7);
      assertThat(file.tensor("empty").shape()).isEqualTo(Shape.of(0, 3));
      assertThat(file.metadata()).isEmpty();
    }
  }

  @ParameterizedTest
  @CsvSource({
      "stored, a.weight, FILE", "stored, fortran, PRIVATE", "stored, big, PRIVATE",
      "compressed, a.weight, PRIVATE"
  })
  void onlyWhatCanBeUsedAsItIsIsMapped(String name, String array, Backing backing) {
    try (NpzFile file = NpzFile.open(Golden.path(name + ".npz"))) {
      Tensor tensor = file.tensor(array);
      assertThat(tensor.backing()).isEqualTo(backing);
      assertThat(file.tensor(array)).isSameAs(tensor);
    }
  }

  @Test
  void arraysAreAlsoGivenAsTheyAreStored() {
    try (NpzFile file = NpzFile.open(Golden.path("stored.npz"))) {
      assertThat(file.array("fortran").isFortranOrder()).isTrue();
      assertThat(Golden.values(file.array("fortran").view())).isEqualTo(Golden.flatIndex());
    }
  }

  @Test
  void anArchiveWithoutArraysIsEmpty() {
    try (NpzFile file = NpzFile.open(Golden.path("no_arrays.npz"))) {
      assertThat(file.entries()).isEmpty();
    }
  }

  @Test
  void anUnknownNameIsAnsweredWithTheNearest() {
    try (NpzFile file = NpzFile.open(Golden.path("stored.npz"))) {
      assertThatThrownBy(() -> file.tensor("a.weigth"))
          .isInstanceOf(TensorException.class)
          .hasMessageContaining("are a.weight,");
    }
  }

  @Test
  void aClosedFileGivesNoTensors() {
    NpzFile file = NpzFile.open(Golden.path("compressed.npz"));
    file.close();
    assertThatThrownBy(() -> file.tensor("big")).isInstanceOf(BridgeClosedException.class);
  }

  @Test
  void damagedCompressedBytesAreNoticed() throws IOException {
    byte[] damaged = bytes("compressed.npz");
    damaged[90] ^= 0x10;
    assertThatThrownBy(
        () -> {
          try (NpzFile file = open(damaged)) {
            file.tensor("a.weight");
          }
        })
        .isInstanceOf(FormatException.class);
  }

  /** Offsets are of the golden file's last 22 bytes, the end record. */
  @ParameterizedTest
  @CsvSource({
      "4, several disks", "6, several disks", "8, several disks", "12, right before",
      "16, right before", "20, end record"
  })
  void aDamagedEndRecordIsRefused(int offset, String message) throws IOException {
    byte[] damaged = bytes("stored.npz");
    damaged[damaged.length - 22 + offset]++;
    assertThatThrownBy(() -> open(damaged))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(message);
  }

  /** Offsets are of the first member's description in the directory. */
  @ParameterizedTest
  @CsvSource({
      "0, description stands here", "8, not encrypted", "10, stored or deflated",
      "20, one size", "28, ''", "30, ''", "42, ''", "46, ''"
  })
  void aDamagedDirectoryIsRefused(int offset, String message) throws IOException {
    byte[] damaged = bytes("stored.npz");
    damaged[directoryOffset(damaged) + offset]++;
    assertThatThrownBy(() -> open(damaged))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(message);
  }

  @Test
  void membersOverTheSameBytesAreRefused() throws IOException {
    byte[] damaged = bytes("stored.npz");
    int first = directoryOffset(damaged);
    int second = first + 46 + "a.weight.npy".length();
    assertThat(damaged[second]).isEqualTo((byte) 'P');
    System.arraycopy(damaged, first + 42, damaged, second + 42, 4);
    assertThatThrownBy(() -> open(damaged))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("overlaps");
  }

  @Test
  void anImpossibleCompressionIsRefusedBeforeItsMemoryIsAllocated() throws IOException {
    byte[] damaged = bytes("compressed.npz");
    damaged[directoryOffset(damaged) + 24 + 3] = 0x7F;
    assertThatThrownBy(() -> open(damaged))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("1032-fold");
  }

  @ParameterizedTest
  @ValueSource(strings = {"stored.npz", "compressed.npz"})
  void anArchiveCutShortIsRefused(String name) throws IOException {
    byte[] whole = bytes(name);
    for (int length = 0; length < whole.length; length++) {
      byte[] cut = Arrays.copyOf(whole, length);
      assertThatThrownBy(() -> open(cut)).isInstanceOf(FormatException.class);
    }
  }

  /** Whatever the bytes are, they are read or refused: nothing else happens. */
  @ParameterizedTest
  @ValueSource(strings = {"stored.npz", "compressed.npz"})
  void randomDamageIsReadOrRefused(String name) throws IOException {
    byte[] golden = bytes(name);
    SplittableRandom random = new SplittableRandom(7);
    for (int round = 0; round < 5_000; round++) {
      byte[] damaged = golden.clone();
      for (int i = random.nextInt(3); i >= 0; i--) {
        damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
      }
      try (NpzFile file = open(damaged)) {
        for (TensorEntry entry : file.entries()) {
          assertThat(file.bytes(entry.name()).byteSize()).isEqualTo(entry.byteLength());
        }
      } catch (FormatException refused) {
        assertThat(refused.byteOffset()).isBetween(0L, (long) golden.length);
      }
    }
  }

  private static int directoryOffset(byte[] archive) {
    return (int) ZipLayout.u32(MemorySegment.ofArray(archive), archive.length - 22 + 16);
  }

  private static byte[] bytes(String name) throws IOException {
    return Files.readAllBytes(Golden.path(name));
  }

  private static NpzFile open(byte[] archive) {
    MemorySegment bytes = MemorySegment.ofArray(archive).asReadOnly();
    ByteSource source = new ByteSource("golden.npz", 0, bytes);
    return NpzFile.of(new MappedFile(Path.of("golden.npz"), Arena.ofShared(), source), null);
  }
}
