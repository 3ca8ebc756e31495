package io.tensorbridge.arrow.table;

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
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What PyArrow wrote: see make_files.py beside the files. */
class LayerTableFileTest {
  @ParameterizedTest
  @CsvSource({
      "weights-file, F32", "weights-stream, F32", "weights-chunks, F32",
      "weights-stream-chunks, F32", "weights-uneven-chunks, F32", "weights-version4, F32",
      "weights-large, F32", "weights-views, F32", "weights-double, F64", "weights-half, F16",
      "weights-small-shapes, F32", "weights-sliced, F32", "weights-among-others, F32",
      "weights-dictionary, F32", "weights-list-views, F32",
      "weights-no-shape, F32", "weights-null-shapes, F32", "weights-zstd, F32", "weights-lz4, F32"
  })
  void readsEveryLayoutOfWeights(String name, DType dtype) {
    boolean shapes = !name.contains("no-shape") && !name.contains("null-shapes");
    Path path = ArrowFiles.golden(name);
    try (TensorFile file = TensorFileFormats.ofServices().forPath(path).open(path)) {
      assertThat(file.entries())
          .extracting(TensorEntry::name)
          .containsExactlyInAnyOrder("a.weight", "b.weight", "größe", "empty");
      Shape matrix = shapes ? Shape.of(2, 3) : Shape.of(6);
      assertThat(values(file.tensor("a.weight"), dtype, matrix)).containsExactly(0, 1, 2, 3, 4, 5);
      assertThat(values(file.tensor("b.weight"), dtype, Shape.of(4)))
          .containsExactly(10, 11, 12, 13);
      assertThat(values(file.tensor("größe"), dtype, Shape.of(1))).containsExactly(7);
      assertThat(values(file.tensor("empty"), dtype, shapes ? Shape.of(0, 3) : Shape.of(0)))
          .isEmpty();
    }
  }

  private static double[] values(Tensor tensor, DType dtype, Shape shape) {
    assertThat(tensor.dtype()).isEqualTo(dtype);
    assertThat(tensor.shape()).isEqualTo(shape);
    assertThat(tensor.backing()).isEqualTo(Backing.FILE);
    double[] values = new double[(int) shape.elementCount()];
    Tensor flat = Tensor.of(tensor.data(), dtype, Shape.of(values.length));
    for (int i = 0; i < values.length; i++) {
      values[i] = flat.getDouble(i);
    }
    return values;
  }

  @ParameterizedTest
  @ValueSource(strings = {"weights-empty-table", "weights-no-batches"})
  void aTableWithoutRowsHasNoTensors(String name) {
    try (LayerTableFile file = LayerTableFile.open(ArrowFiles.golden(name))) {
      assertThat(file.entries()).isEmpty();
    }
  }

  @Test
  void readsListsOfFixedSizeAndMetadata() {
    try (LayerTableFile file = LayerTableFile.open(ArrowFiles.golden("fixed-size-lists"))) {
      assertThat(file.entries()).extracting(TensorEntry::name).containsExactly("a", "b", "c");
      assertThat(ArrowFiles.floats(file, "b")).containsExactly(6, 7, 8);
    }
    try (LayerTableFile file = LayerTableFile.open(ArrowFiles.golden("fixed-shape-tensors"))) {
      assertThat(file.entry("c").shape()).isEqualTo(Shape.of(3, 1, 1));
      assertThat(ArrowFiles.floats(file, "b")).containsExactly(6, 7, 8);
    }
    try (LayerTableFile file = LayerTableFile.open(ArrowFiles.golden("weights-stream"))) {
      assertThat(file.metadata()).containsEntry("format", "pt").containsEntry("größe", "中");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"quantized-seed", "quantized-seed-stream", "quantized-seed-large",
          "quantized-seed-views"})
  void readsTheTablesOfTheSeedAsUniform(String name) {
    try (LayerTableFile file = LayerTableFile.open(ArrowFiles.golden(name))) {
      assertThat(file.entries())
          .containsExactly(
              new TensorEntry("per.tensor", "uniform:bits=4,group=tensor", Shape.of(2, 3), 3),
              floats("per.tensor.scales", 1),
              floats("per.tensor.zero_points", 1),
              new TensorEntry("per.row", "uniform:bits=8,group=row", Shape.of(2, 6), 12),
              floats("per.row.scales", 2),
              floats("per.row.zero_points", 2),
              new TensorEntry("group.64", "uniform:bits=4,group=64", Shape.of(2, 1, 5, 13), 65),
              floats("group.64.scales", 2, 2),
              floats("group.64.zero_points", 2, 2),
              new TensorEntry("group.128", "uniform:bits=2,group=128", Shape.of(2, 200), 100),
              floats("group.128.scales", 2, 2),
              floats("group.128.zero_points", 2, 2),
              new TensorEntry(
                  "symmetric", "uniform:bits=4,group=tensor,sym=true", Shape.of(2, 3), 3),
              floats("symmetric.scales", 1),
              new TensorEntry("empty", "uniform:bits=4,group=tensor", Shape.of(0, 3), 0),
              floats("empty.scales", 0),
              floats("empty.zero_points", 0));
      assertThat(file.bytes("per.row").toArray(ValueLayout.JAVA_BYTE))
          .containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
      assertThat(ArrowFiles.floats(file, "per.row.scales")).containsExactly(0.5f, 0.25f);
      assertThat(ArrowFiles.floats(file, "group.64.zero_points")).containsExactly(0, 1, 2, 3);
    }
  }

  @Test
  void readsSchemesByName() {
    try (LayerTableFile file = LayerTableFile.open(ArrowFiles.golden("quantized-schemes"))) {
      assertThat(file.entries())
          .containsExactly(
              new TensorEntry("per.tensor", "uniform:bits=4,group=tensor", Shape.of(2, 3), 3),
              floats("per.tensor.scales", 1),
              floats("per.tensor.zero_points", 1),
              new TensorEntry("per.row", "uniform:bits=8,group=row", Shape.of(2, 6), 12),
              floats("per.row.scales", 2),
              floats("per.row.zero_points", 2),
              new TensorEntry("blocks", "q8_0", Shape.of(2, 32), 68),
              new TensorEntry("plain", "f32", Shape.of(3), 12),
              new TensorEntry("half", "bf16", Shape.of(4), 8),
              new TensorEntry(
                  "grouped", "uniform:bits=2,group=128,sym=true", Shape.of(2, 128), 64),
              floats("grouped.scales", 2, 1));
      assertThat(values(file.tensor("plain"), DType.F32, Shape.of(3))).containsExactly(0, 1, 2);
      assertThatThrownBy(() -> file.tensor("blocks"))
          .isInstanceOf(TensorException.class)
          .hasMessageContaining("q8_0");
      assertThatThrownBy(() -> file.entry("block"))
          .isInstanceOf(TensorException.class)
          .hasMessageContaining("blocks");
    }
  }

  private static TensorEntry floats(String name, long... shape) {
    Shape extents = Shape.of(shape);
    return new TensorEntry(name, "f32", extents, extents.elementCount() * Float.BYTES);
  }

  @Test
  void whatIsClosedIsClosed() {
    LayerTableFile file = LayerTableFile.open(ArrowFiles.golden("weights-file"));
    MemorySegment bytes = file.bytes("a.weight");
    file.close();
    file.close();
    assertThat(bytes.scope().isAlive()).isFalse();
    assertThatThrownBy(() -> file.bytes("a.weight")).isInstanceOf(BridgeClosedException.class);
  }

  @Test
  void namesTheColumnsThatItWantsAndThoseThatItFinds() {
    Path path = ArrowFiles.folder("hostile").resolve("the-columns-of-a-table-of-layers.arrow");
    assertThatThrownBy(() -> LayerTableFile.open(path))
        .hasMessageContaining("layer_name: utf8, weights: list<float")
        .hasMessageContaining("the file has x: int64");
  }

  @Test
  void aFileThatIsCutShortWhileItIsOpenIsAnErrorOfTheFile(@TempDir Path directory)
      throws Exception {
    Path path = directory.resolve("long.arrow");
    List<TensorEntry> entries = List.of(floats("a", 1 << 20));
    try (LayerTableWriter writer = LayerTableWriter.create(path, entries, Map.of())) {
      ArrowFiles.fill(writer, entries);
    }
    try (LayerTableFile file = LayerTableFile.open(path);
        Arena arena = Arena.ofConfined()) {
      try (var channel = Files.newByteChannel(path, StandardOpenOption.WRITE)) {
        channel.truncate(1000);
      }
      MemorySegment target = arena.allocate(1 << 22);
      assertThatThrownBy(() -> file.read("a", 0, target)).isInstanceOf(FormatException.class);
    }
  }
}
