package io.tensorbridge.quantize.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.Backing;
import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SafetensorsFileTest {
  private static final Path GOLDEN = ModelFiles.resource("golden.safetensors");

  @TempDir
  private Path directory;

  @Test
  void readsWhatThePythonPackageWrote() {
    try (SafetensorsFile file = SafetensorsFile.open(GOLDEN)) {
      assertThat(file.metadata()).isEqualTo(Map.of("format", "pt"));
      assertThat(file.entries())
          .extracting(TensorEntry::name)
          .containsExactly(
              "ids", "scalar", "b.weight", "empty", "a.weight", "é中😀", "bytes", "mask");
      Tensor weight = file.tensor("b.weight");
      assertThat(weight.type()).isEqualTo(new TensorType(DType.F32, Shape.of(4, 8)));
      assertThat(weight.backing()).isEqualTo(Backing.FILE);
      assertThat(weight.getDouble(3, 7)).isEqualTo(31);
      assertThat(file.tensor("scalar").getDouble()).isEqualTo(7.5);
      assertThat(file.tensor("empty").shape()).isEqualTo(Shape.of(0, 4));
      assertThat(file.tensor("a.weight").getDouble(2, 1, 0, 0)).isEqualTo(5);
      assertThat(file.tensor("mask").getDouble(1)).isZero();
    }
  }

  @Test
  void writesTheSameBytesAsThePythonPackageWhateverTheOrder() throws IOException {
    Path copy = directory.resolve("copy.safetensors");
    try (SafetensorsFile file = SafetensorsFile.open(GOLDEN)) {
      List<TensorEntry> entries = new ArrayList<>(file.entries());
      Collections.reverse(entries);
      try (SafetensorsWriter writer = SafetensorsWriter.create(copy, entries, file.metadata())) {
        ModelFiles.copy(file, entries, writer);
        writer.commit();
      }
    }

    assertThat(copy).hasSameBinaryContentAs(GOLDEN);
    assertThat(ModelFiles.filesIn(directory)).containsExactly(copy);
  }

  @Test
  void keepsSchemeAndShapeOfTensorsInParts() {
    Path path = directory.resolve("uniform.safetensors");
    List<TensorEntry> entries =
        List.of(
            new TensorEntry("a", "uniform:bits=4,group=tensor", Shape.of(3, 1, 1), 2),
            TensorEntry.of("a.scales", new TensorType(DType.F32, Shape.of(1))));
    try (SafetensorsWriter writer = SafetensorsWriter.create(path, entries, Map.of());
        Arena arena = Arena.ofConfined()) {
      writer.write(0, 0, ModelFiles.bytes(arena, 0x21, 0x03));
      writer.write(1, 0, ModelFiles.bytes(arena, 0, 0, 0x80, 0x3f));
      writer.commit();
    }

    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.entries()).containsExactlyInAnyOrderElementsOf(entries);
      assertThat(file.tensor("a.scales").getDouble(0)).isEqualTo(1);
      assertThatThrownBy(() -> file.tensor("a"))
          .isInstanceOf(TensorException.class)
          .hasMessageContaining("uniform:bits=4,group=tensor");
    }
  }

  @Test
  void acceptsHeadersInAnotherOrderThanTheBytesAndUnalignedTensors() throws IOException {
    Path path =
        write(
            "{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]},"
                + "\"a\":{\"data_offsets\":[0,1],\"shape\":[],\"dtype\":\"U8\"}}   ",
            new byte[]{9, 0, 0, (byte) 0x80, 0x3f});

    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.entries()).extracting(TensorEntry::name).containsExactly("b", "a");
      assertThat(file.tensor("b").getDouble(0)).isEqualTo(1);
      assertThat(file.tensor("a").getDouble()).isEqualTo(9);
    }
  }

  @Test
  void listsTensorsOfDtypesThatItCanNotComputeWith() throws IOException {
    Path path =
        write(
            "{\"a\":{\"dtype\":\"F8_E8M0\",\"shape\":[2],\"data_offsets\":[0,2]}}", new byte[2]);

    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.entry("a").encoding()).isEqualTo("f8_e8m0");
      assertThatThrownBy(() -> file.tensor("a")).hasMessageContaining("f8_e8m0");
    }
  }

  @Test
  void namesTheNearestTensorsWhenOneIsMissing() {
    try (SafetensorsFile file = SafetensorsFile.open(GOLDEN)) {
      assertThatThrownBy(() -> file.entry("b.weigth"))
          .isInstanceOf(TensorException.class)
          .hasMessageContaining("nearest names are b.weight");
    }
  }

  @Test
  void leavesNothingBehindWithoutCommitAndKeepsTheOldFile() throws IOException {
    Path path = directory.resolve("kept.safetensors");
    Files.writeString(path, "old");

    List<TensorEntry> entries = List.of(new TensorEntry("a", "u8", Shape.of(1000), 1000));
    SafetensorsWriter.create(path, entries, Map.of()).close();

    assertThat(path).hasContent("old");
    assertThat(ModelFiles.filesIn(directory)).containsExactly(path);
  }

  @Test
  void refusesAFileLargerThanTheDisk() throws IOException {
    Path path = directory.resolve("huge.safetensors");
    List<TensorEntry> entries = List.of(new TensorEntry("a", "u8", Shape.of(1L << 56), 1L << 56));

    assertThatThrownBy(() -> SafetensorsWriter.create(path, entries, Map.of()))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("the disk is full");
    assertThat(ModelFiles.filesIn(directory)).isEmpty();
  }

  @Test
  void reportsAFileThatWasTruncatedWhileItWasOpen() throws IOException {
    Path path = Files.copy(GOLDEN, directory.resolve("shrinking.safetensors"));
    try (SafetensorsFile file = SafetensorsFile.open(path);
        Arena arena = Arena.ofConfined()) {
      Files.write(path, new byte[100]);

      assertThatThrownBy(() -> file.read("mask", 0, arena.allocate(3)))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("truncated");
    }
  }

  private Path write(String header, byte[] data) throws IOException {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    byte[] bytes = new byte[8 + json.length + data.length];
    bytes[0] = (byte) json.length;
    bytes[1] = (byte) (json.length >> 8);
    System.arraycopy(json, 0, bytes, 8, json.length);
    System.arraycopy(data, 0, bytes, 8 + json.length, data.length);
    return Files.write(directory.resolve("handmade.safetensors"), bytes);
  }
}
