package io.tensorbridge.quantize.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class GgufFileTest {
  private static final Path GOLDEN = ModelFiles.resource("golden.gguf");

  @TempDir
  private Path directory;

  @Test
  void readsTensorsThatThePythonPackageWrote() {
    try (GgufFile file = GgufFile.open(GOLDEN)) {
      assertThat(file.version()).isEqualTo(3);
      assertThat(file.tensor("plain").type())
          .isEqualTo(new TensorType(DType.F32, Shape.of(3, 5)));
      assertThat(file.tensor("plain").getDouble(2, 4)).isEqualTo(14);
      assertThat(file.tensor("half").getDouble(1, 2, 1)).isEqualTo(11);
      assertThat(file.tensor("ids").getDouble(2)).isEqualTo(2);
      assertThat(file.entry("q4_0"))
          .isEqualTo(new TensorEntry("q4_0", "q4_0", Shape.of(4, 32), 4 * 18));
      assertThat(file.entry("conv.weight"))
          .isEqualTo(new TensorEntry("conv.weight", "q8_0", Shape.of(4, 8, 2, 2), 4 * 34));
      assertThat(file.storedShape("conv.weight")).isEqualTo(Shape.of(4, 32));
      assertThatThrownBy(() -> file.tensor("q4_0")).hasMessageContaining("stored as q4_0");
    }
  }

  @Test
  void readsMetadataOfEveryType() {
    try (GgufFile file = GgufFile.open(GOLDEN)) {
      assertThat(file.metadata())
          .containsEntry("general.architecture", "sd1")
          .containsEntry("kv.u8", "200")
          .containsEntry("kv.i8", "-8")
          .containsEntry("kv.u16", "60000")
          .containsEntry("kv.i16", "-16")
          .containsEntry("kv.u32", "4000000000")
          .containsEntry("kv.i32", "-32")
          .containsEntry("kv.f32", "0.5")
          .containsEntry("kv.bool", "true")
          .containsEntry("kv.string", "é中")
          .containsEntry("kv.strings", "[one, two]")
          .containsEntry("kv.floats", "[1.5, -2.5]")
          .containsEntry("kv.u64", "18446744073709551615")
          .containsEntry("kv.i64", "-1099511627776")
          .containsEntry("kv.f64", "1.0E300");
    }
  }

  @Test
  void readsTensorsAtAnotherAlignment() {
    try (GgufFile file = GgufFile.open(ModelFiles.resource("golden-align64.gguf"))) {
      assertThat(file.tensor("half").getDouble(1, 2, 1)).isEqualTo(11);
    }
  }

  @Test
  void writesTheSameBytesAsThePythonPackage() throws IOException {
    Path copy = directory.resolve("copy.gguf");
    try (GgufFile file = GgufFile.open(GOLDEN);
        GgufWriter writer = GgufWriter.create(copy, file.entries(), file.values())) {
      ModelFiles.copy(file, file.entries(), writer);
      writer.commit();
    }

    assertThat(copy).hasSameBinaryContentAs(GOLDEN);
    assertThat(ModelFiles.filesIn(directory)).containsExactly(copy);
  }

  @Test
  void keepsShapesThatTheFormatCanNotHold() {
    Path path = directory.resolve("shapes.gguf");
    List<TensorEntry> entries =
        List.of(
            new TensorEntry("scalar", "f32", Shape.of(), 4),
            new TensorEntry("five", "f32", Shape.of(1, 2, 1, 1, 3), 24),
            new TensorEntry("conv", "q8_0", Shape.of(2, 16, 2, 1), 2 * 34),
            new TensorEntry("whole", "q8_0", Shape.of(2, 1, 32), 2 * 34),
            new TensorEntry("rows", "q8_0", Shape.of(4, 8), 34));
    try (GgufWriter writer = GgufWriter.create(path, entries, Map.of())) {
      writer.commit();
    }

    try (GgufFile file = GgufFile.open(path)) {
      assertThat(file.entries()).isEqualTo(entries);
      assertThat(file.storedShape("scalar")).isEqualTo(Shape.of(1));
      assertThat(file.storedShape("five")).isEqualTo(Shape.of(1, 6));
      assertThat(file.storedShape("conv")).isEqualTo(Shape.of(2, 32));
      assertThat(file.storedShape("whole")).isEqualTo(Shape.of(2, 1, 32));
      assertThat(file.storedShape("rows")).isEqualTo(Shape.of(1, 32));
    }
  }

  @Test
  void refusesWhatReadersWouldStumbleOver() {
    Path path = directory.resolve("refused.gguf");

    assertThatThrownBy(() -> create(path, new TensorEntry("a", "u8", Shape.of(1), 1)))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("\"a\" is u8, which GGUF can't hold");
    assertThatThrownBy(() -> create(path, new TensorEntry("a", "f32", Shape.of(0), 0)))
        .hasMessageContaining("\"a\" is empty");
    assertThatThrownBy(() -> create(path, new TensorEntry("a", "q8_0", Shape.of(31), 34)))
        .hasMessageContaining("not whole blocks of q8_0");
  }

  private static void create(Path path, TensorEntry entry) {
    GgufWriter.create(path, List.of(entry), Map.of()).close();
  }

  @Test
  void warnsOfNamesThatLlamaRefuses() {
    TensorEntry small = new TensorEntry("a".repeat(63), "f32", Shape.of(1), 4);
    TensorEntry large = new TensorEntry("b".repeat(64), "f32", Shape.of(1), 4);

    assertThat(GgufWriter.warnings(List.of(small))).isEmpty();
    assertThat(GgufWriter.warnings(List.of(small, large)))
        .singleElement()
        .asString()
        .contains("1 tensor names are longer than 63 bytes")
        .endsWith("b".repeat(64));
  }
}
