package io.tensorbridge.arrow.table;

import static io.tensorbridge.arrow.table.LayerTableWriterTest.coded;
import static io.tensorbridge.arrow.table.LayerTableWriterTest.plain;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.arrow.ArrowFile;
import io.tensorbridge.arrow.PyArrow;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.file.TensorFileWriter;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tables of LoRA modules as they are written. */
class LoraTableFormatTest {
  private static final List<TensorEntry> FACTORS =
      List.of(
          plain("größe.to_q.lora_A.weight", DType.F16, 2, 3),
          plain("größe.to_q.lora_B.weight", DType.F16, 5, 2),
          plain("conv.lora_A.weight", DType.F32, 2, 3, 3, 3),
          plain("conv.lora_B.weight", DType.F32, 5, 2, 1, 1),
          plain("b.lora_A.weight", DType.BF16, 2, 3),
          plain("b.lora_B.weight", DType.BF16, 5, 2),
          plain("d.lora_A.weight", DType.F64, 2, 3),
          plain("d.lora_B.weight", DType.F64, 5, 2));

  /** The schema is that of make_lora.py, which stands for the seed. */
  private static final String SEED_READS =
      """
          import sys, numpy as np, pyarrow as pa
          with pa.memory_map(sys.argv[1]) as source:
              table = pa.ipc.open_file(source).read_all()
              table.validate(full=True)
              rows = table.to_pylist()
          with pa.memory_map(sys.argv[2]) as source:
              seed = pa.ipc.open_file(source).schema
          assert table.schema.equals(seed), table.schema
          assert table.schema.metadata == {b"lora_alpha": b"2.5"}
          def filled(count, seed):
              return bytes((i * 31 + seed) % 256 for i in range(count))
          assert [row["module"] for row in rows] == ["größe.to_q", "conv", "b", "d"]
          assert [row["dtype"] for row in rows] == ["float16", "float32", "bfloat16", "float64"]
          sizes = {"float16": 2, "float32": 4, "bfloat16": 2, "float64": 8}
          for i, row in enumerate(rows):
              size = sizes[row["dtype"]]
              assert row["shape_a"] == ([2, 3, 3, 3] if row["module"] == "conv" else [2, 3])
              assert row["shape_b"] == ([5, 2, 1, 1] if row["module"] == "conv" else [5, 2])
              assert row["weight_a"] == filled(size * int(np.prod(row["shape_a"])), 2 * i)
              assert row["weight_b"] == filled(size * int(np.prod(row["shape_b"])), 2 * i + 1)
          """;

  @TempDir
  private Path directory;

  private Path target() {
    return directory.resolve("style.lora.arrow");
  }

  private static TensorFileFormat format() {
    return TensorFileFormats.ofServices().forPath(Path.of("style.LORA.arrow"));
  }

  private Path write() {
    try (TensorFileWriter writer =
        format().create(target(), FACTORS, Map.of("lora_alpha", "2.5"))) {
      ArrowFiles.fill(writer, FACTORS);
    }
    return target();
  }

  private void requireRefused(String words, TensorEntry... entries) {
    assertThatThrownBy(() -> format().create(target(), List.of(entries), Map.of()))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(target().toString())
        .hasMessageContaining(words);
    assertThat(target()).doesNotExist();
  }

  @Test
  void theFactorsOfEachModuleAreARow() {
    Path path = write();

    try (TensorFile file = format().open(path); ArrowFile raw = ArrowFile.open(path)) {
      ArrowFiles.requireFilled(file, FACTORS);
      assertThat(file.metadata()).containsExactly(Map.entry("lora_alpha", "2.5"));
      assertThat(raw.schema()).hasToString(LoraTableReader.EXPECTED);
      for (TensorEntry entry : FACTORS) {
        assertThat(file.bytes(entry.name()).address() % 64).as(entry.name()).isZero();
      }
    }
  }

  @Test
  void pyArrowReadsTheSchemaAndBytesOfTheSeed() {
    assumeTrue(PyArrow.isInstalled(), "PyArrow is not installed");
    PyArrow.run(SEED_READS, write(), ArrowFiles.folder("lora").resolve("style.lora.arrow"));
  }

  @Test
  void halvesMayStandApart() {
    List<TensorEntry> apart =
        List.of(
            plain("a.lora_B.weight", DType.F32, 5, 2), plain("b.lora_A.weight", DType.F32, 2, 3),
            plain("b.lora_B.weight", DType.F32, 5, 2), plain("a.lora_A.weight", DType.F32, 2, 3));
    try (TensorFileWriter writer = format().create(target(), apart, Map.of())) {
      ArrowFiles.fill(writer, apart);
    }
    try (TensorFile file = format().open(target())) {
      assertThat(file.entries())
          .containsExactly(apart.get(3), apart.get(0), apart.get(1), apart.get(2));
      assertThat(file.bytes("a.lora_B.weight").get(ValueLayout.JAVA_BYTE, 0))
          .isEqualTo((byte) 0);
      assertThat(file.bytes("a.lora_A.weight").get(ValueLayout.JAVA_BYTE, 0))
          .isEqualTo((byte) 3);
    }
  }

  @Test
  void whatIsNotCommittedLeavesNothingBehind() throws IOException {
    try (TensorFileWriter writer = format().create(target(), FACTORS, Map.of())) {
      assertThat(writer).isNotNull();
    }
    try (var left = Files.list(directory)) {
      assertThat(left).isEmpty();
    }
  }

  @Test
  void holdsFloatsOnly() {
    assertThat(List.of("f16", "bf16", "f32", "f64")).allMatch(format()::holds);
    assertThat(List.of("f8_e4m3", "i8", "q8_0", "")).noneMatch(format()::holds);
    assertThat(format().name()).isEqualTo("lora.arrow");
  }

  @Test
  void refusesWhatARowHasNoColumnFor() {
    TensorEntry down = plain("m.lora_A.weight", DType.F32, 2, 3);
    TensorEntry up = plain("m.lora_B.weight", DType.F32, 5, 2);

    requireRefused("m.lora_magnitude_vector", down, up,
        plain("m.lora_magnitude_vector", DType.F32, 5));
    requireRefused("\"m\" lacks its tensor m.lora_B.weight", down);
    requireRefused("\"m.lora_A.weight\" is taken", down, down, up);
    requireRefused("\"m\" has factors of f32 and of f16", down,
        plain("m.lora_B.weight", DType.F16, 5, 2));
    requireRefused("\"m\" has factors of f8_e4m3", plain("m.lora_A.weight", DType.F8_E4M3, 2, 3),
        plain("m.lora_B.weight", DType.F8_E4M3, 5, 2));
    requireRefused("\"m\" has factors of q8_0", coded("m.lora_A.weight", "q8_0", 34, 1, 32),
        coded("m.lora_B.weight", "q8_0", 34, 32, 1));
    requireRefused("can't have 23 bytes", new TensorEntry("m.lora_A.weight", "f32",
        Shape.of(2, 3), 23), up);
    requireRefused("32 bits", plain("m.lora_A.weight", DType.F32, 2, 1L << 29), up);
    requireRefused("32 bits", plain("m.lora_A.weight", DType.F32, 0, 1L << 31), up);
  }
}
