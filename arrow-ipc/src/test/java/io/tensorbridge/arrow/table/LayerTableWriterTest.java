package io.tensorbridge.arrow.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.arrow.ArrowFile;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.file.TensorFileWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LayerTableWriterTest {
  @TempDir
  private Path directory;

  private Path write(String name, List<TensorEntry> entries) {
    Path path = directory.resolve(name);
    TensorFileFormat format = TensorFileFormats.ofServices().forPath(path);
    try (TensorFileWriter writer = format.create(path, entries, Map.of("format", "größe"))) {
      ArrowFiles.fill(writer, entries);
    }
    return path;
  }

  private void requireWhole(Path path, List<TensorEntry> entries) {
    try (TensorFile file = TensorFileFormats.ofServices().forPath(path).open(path)) {
      ArrowFiles.requireFilled(file, entries);
      assertThat(file.metadata()).containsExactly(Map.entry("format", "größe"));
      for (TensorEntry entry : entries) {
        if (entry.dtype().isEmpty()) {
          assertThat(file.bytes(entry.name()).address() % 64).isZero();
        }
      }
    }
  }

  static TensorEntry plain(String name, DType dtype, long... shape) {
    return TensorEntry.of(name, new TensorType(dtype, Shape.of(shape)));
  }

  static TensorEntry coded(String name, String scheme, long byteLength, long... shape) {
    return new TensorEntry(name, scheme, Shape.of(shape), byteLength);
  }

  /** Encodings with all kinds of parts. */
  static List<TensorEntry> everyKind() {
    return List.of(
        coded("u", "uniform:bits=4,group=128", 1280, 10, 2, 128),
        plain("u.scales", DType.F32, 10, 2),
        plain("u.zero_points", DType.F32, 10, 2),
        coded("sym", "uniform:bits=2,group=row,sym=true", 5, 4, 5),
        plain("sym.scales", DType.F32, 4),
        coded("blocks", "q8_0", 34, 1, 32),
        coded("nested", "nf4:block=64,double=true", 64, 2, 64),
        plain("nested.absmax", DType.U8, 2),
        plain("nested.nested_absmax", DType.F32, 1),
        plain("nested.offset", DType.F32),
        coded("scaled", "mxfp8", 64, 2, 32),
        plain("scaled.scales", DType.U8, 2, 1),
        coded("rows", "int8:rule=bnb", 6, 2, 3),
        plain("rows.scales", DType.F32, 2, 1),
        coded("half_scales", "int4:layout=onnx", 16, 1, 32),
        plain("half_scales.scales", DType.F16, 1),
        plain("half_scales.zero_points", DType.U8, 1),
        coded("no_elements", "int8:rule=bnb", 0, 0, 3),
        plain("no_elements.scales", DType.F32, 0),
        plain("bias", DType.F32, 7),
        plain("bias.scales", DType.F32, 7),
        plain("bf16", DType.BF16, 2, 3),
        plain("fp8", DType.F8_E4M3, 5),
        plain("ids", DType.I64, 2),
        plain("scalar", DType.F64),
        plain("größe", DType.C128, 1));
  }

  @Test
  void everyEncodingSurvivesWithItsParts() {
    List<TensorEntry> entries = everyKind();
    requireWhole(write("every.arrow", entries), entries);
  }

  @Test
  void plainUniformNeedsNoColumnMoreThanTheSeedHad() {
    List<TensorEntry> entries =
        List.of(
            coded("a", "uniform:bits=4,group=tensor", 3, 2, 3),
            plain("a.scales", DType.F32, 1),
            plain("a.zero_points", DType.F32, 1),
            coded("b", "uniform:bits=8,group=tensor", 0, 0, 3),
            plain("b.scales", DType.F32, 0),
            plain("b.zero_points", DType.F32, 0));
    Path path = write("seed.arrow", entries);

    requireWhole(path, entries);
    try (ArrowFile file = ArrowFile.open(path)) {
      assertThat(file.schema())
          .hasToString(
              "layer_name: utf8, quantized_data: binary, scales: list<float>,"
                  + " zero_points: list<float>, shape: list<int64>, bit_width: uint8");
    }
  }

  @Test
  void floatsOfOneKindBecomeATableOfWeights() {
    for (DType dtype : List.of(DType.F16, DType.F32, DType.F64)) {
      List<TensorEntry> entries =
          List.of(plain("a", dtype, 2, 3), plain("b", dtype), plain("c", dtype, 0, 2));
      Path path = write(dtype + ".arrow", entries);

      requireWhole(path, entries);
      try (ArrowFile file = ArrowFile.open(path)) {
        assertThat(file.schema().indexOf("weights")).isEqualTo(1);
        assertThat(file.batches()).hasSize(3);
      }
    }
    requireWhole(write("none.arrow", List.of()), List.of());
  }

  @Test
  void moreThanTwoGibibytesTakeLargeOffsets() {
    long bytes = (1L << 31) + 64;
    requireLarge(coded("big", "q8_0", bytes, bytes / 34 * 32), "large_binary");
    requireLarge(plain("big", DType.F32, bytes / 4), "large_list<float>");
  }

  /** The file has a hole where nothing is written, so that this is fast. */
  private void requireLarge(TensorEntry big, String type) {
    Path path = directory.resolve("big.arrow");
    List<TensorEntry> entries = List.of(big, plain("small", DType.F32, 1));
    try (LayerTableWriter writer = LayerTableWriter.create(path, entries, Map.of());
        Arena arena = Arena.ofConfined()) {
      writer.write(0, big.byteLength() - 4, arena.allocateFrom(ValueLayout.JAVA_INT, 42));
      writer.write(1, 0, arena.allocateFrom(ValueLayout.JAVA_FLOAT, 7));
      writer.commit();
    }
    try (LayerTableFile file = LayerTableFile.open(path); ArrowFile raw = ArrowFile.open(path)) {
      assertThat(raw.schema().fields().get(1).typeText()).isEqualTo(type);
      MemorySegment bytes = file.bytes("big");
      assertThat(bytes.byteSize()).isEqualTo(big.byteLength());
      assertThat(bytes.get(ValueLayout.JAVA_INT_UNALIGNED, big.byteLength() - 4)).isEqualTo(42);
      assertThat(ArrowFiles.floats(file, "small")).containsExactly(7);
    }
  }

  @Test
  void theSameBytesComeFromAnyNumberOfThreads() throws Exception {
    List<TensorEntry> entries = everyKind();
    Path inOrder = write("order.arrow", entries);
    Path parallel = directory.resolve("parallel.arrow");
    try (LayerTableWriter writer =
        LayerTableWriter.create(parallel, entries, Map.of("format", "größe"))) {
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < entries.size(); i++) {
        int entry = i;
        threads.add(Thread.ofPlatform().start(() -> {
          try (Arena arena = Arena.ofConfined()) {
            writer.write(
                entry, 0, ArrowFiles.bytes(arena, entries.get(entry).byteLength(), entry));
          }
        }));
      }
      for (Thread thread : threads) {
        thread.join();
      }
      writer.commit();
    }
    assertThat(Files.mismatch(inOrder, parallel)).isEqualTo(-1);
  }

  @Test
  void whatIsNotCommittedLeavesNothingBehind() throws IOException {
    Path path = directory.resolve("given-up.arrow");
    try (LayerTableWriter writer =
        LayerTableWriter.create(path, List.of(plain("a", DType.F32, 4)), Map.of());
        Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(20);
      writer.write(0, 0, bytes.asSlice(0, 16));
      assertThatThrownBy(() -> writer.write(0, 0, bytes))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> writer.write(0, -4, bytes.asSlice(0, 4)))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
    try (var left = Files.list(directory)) {
      assertThat(left).isEmpty();
    }
  }

  @Test
  void refusesNamesThatAreTakenAndBytesThatDoNotFit() {
    Path path = directory.resolve("refused.arrow");
    TensorEntry a = plain("a", DType.F32, 4);
    assertThatThrownBy(() -> LayerTableWriter.create(path, List.of(a, a), Map.of()))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("\"a\" is taken");
    TensorEntry wrong = new TensorEntry("w", "f32", Shape.of(4), 15);
    assertThatThrownBy(() -> LayerTableWriter.create(path, List.of(wrong), Map.of()))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("15 bytes");
    Path nowhere = directory.resolve("none/model.arrow");
    assertThatThrownBy(() -> LayerTableWriter.create(nowhere, List.of(a), Map.of()))
        .isInstanceOf(FormatException.class);
  }
}
