package io.tensorbridge.arrow.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tensorbridge.DType;
import io.tensorbridge.arrow.PyArrow;
import io.tensorbridge.file.TensorEntry;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** PyArrow itself reads what is written here, and writes what is read here. */
@Timeout(120)
class PyArrowIT {
  private static final String RANDOM_TABLES =
      """
          import sys, numpy as np, pyarrow as pa
          path, kind, stream, chunk, seed = sys.argv[1], sys.argv[2], sys.argv[3] == "stream", int(sys.argv[4]), 7
          rng = np.random.default_rng(seed)
          rows = 23
          shapes = [list(map(int, rng.integers(0, 7, rng.integers(0, 5)))) for _ in range(rows)]
          counts = [int(np.prod(s)) for s in shapes]
          names = [f"layer.{i}.größe" for i in range(rows)]
          if kind == "weights":
              columns = {
                  "layer_name": pa.array(names),
                  "weights": pa.array([rng.standard_normal(n).astype("f4") for n in counts], pa.list_(pa.float32())),
                  "shape": pa.array(shapes, pa.list_(pa.int64())),
              }
          else:
              one = [[float(i)] if n else [] for i, n in enumerate(counts)]
              columns = {
                  "layer_name": pa.array(names),
                  "quantized_data": pa.array([rng.bytes((n + 1) // 2) for n in counts], pa.binary()),
                  "scales": pa.array(one, pa.list_(pa.float32())),
                  "zero_points": pa.array(one, pa.list_(pa.float32())),
                  "shape": pa.array(shapes, pa.list_(pa.int64())),
                  "bit_width": pa.array([4] * rows, pa.uint8()),
              }
          table = pa.table(columns)
          table = pa.concat_tables([table.slice(5), table])[rows - 5:].replace_schema_metadata({"k": "v"})
          new = pa.ipc.new_stream if stream else pa.ipc.new_file
          with new(path, table.schema) as writer:
              writer.write_table(table, max_chunksize=chunk)
          """;

  private static final String SAME_TABLE =
      """
          import sys, pyarrow as pa
          def read(path):
              with pa.memory_map(path) as source:
                  start = source.read(6)
                  source.seek(0)
                  open_ipc = pa.ipc.open_file if start == b"ARROW1" else pa.ipc.open_stream
                  table = open_ipc(source).read_all()
              table.validate(full=True)
              return table
          theirs, ours = read(sys.argv[1]), read(sys.argv[2])
          assert theirs.num_rows == 23
          assert ours.schema.equals(theirs.schema, check_metadata=True), (ours.schema, theirs.schema)
          assert ours.equals(theirs)
          """;

  private static final String EVERY_KIND =
      """
          import sys, pyarrow as pa
          with pa.memory_map(sys.argv[1]) as source:
              table = pa.ipc.open_file(source).read_all()
              table.validate(full=True)
              assert table.schema.metadata == {b"format": b"pt"}
              rows = {row["layer_name"]: row for row in table.to_pylist()}
          def filled(count, seed):
              return bytes((i * 31 + seed) % 256 for i in range(count))
          def floats(count, seed):
              import numpy as np
              return np.frombuffer(filled(4 * count, seed), "<f4").tolist()
          assert table.column_names == ["layer_name", "quantized_data", "scales", "zero_points", "shape",
                                        "bit_width", "scheme", "parts"], table.column_names
          assert list(rows) == ["u", "sym", "blocks", "nested", "scaled", "rows", "half_scales", "no_elements",
                                "bias", "bias.scales", "bf16", "fp8", "ids", "scalar", "größe"], list(rows)
          u = rows["u"]
          assert u["quantized_data"] == filled(1280, 0) and u["shape"] == [10, 2, 128]
          assert repr(u["scales"]) == repr(floats(20, 1)) and repr(u["zero_points"]) == repr(floats(20, 2))
          assert (u["bit_width"], u["scheme"], u["parts"]) == (4, "uniform:bits=4,group=128", [])
          assert rows["sym"]["zero_points"] is None
          assert rows["blocks"] | {"quantized_data": 0} == {
              "layer_name": "blocks", "quantized_data": 0, "scales": None, "zero_points": None, "shape": [1, 32],
              "bit_width": 8, "scheme": "q8_0", "parts": []}
          assert rows["nested"]["parts"] == [
              {"name": "absmax", "dtype": "u8", "shape": [2], "data": filled(2, 7)},
              {"name": "nested_absmax", "dtype": "f32", "shape": [1], "data": filled(4, 8)},
              {"name": "offset", "dtype": "f32", "shape": [], "data": filled(4, 9)}]
          assert rows["rows"]["parts"] == [{"name": "scales", "dtype": "f32", "shape": [2, 1], "data": None}]
          assert repr(rows["rows"]["scales"]) == repr(floats(2, 13))
          assert rows["no_elements"]["scales"] == [] and rows["no_elements"]["bit_width"] is None
          assert rows["bf16"]["scheme"] == "bf16" and rows["bf16"]["quantized_data"] == filled(12, 21)
          assert rows["größe"]["bit_width"] == 128
          """;

  @TempDir
  private Path directory;

  @BeforeAll
  static void needsPyArrow() {
    assumeTrue(PyArrow.isInstalled(), "PyArrow is not installed");
  }

  @Test
  void pyArrowReadsEveryEncoding() {
    Path path = directory.resolve("every.arrow");
    List<TensorEntry> entries = LayerTableWriterTest.everyKind();
    try (LayerTableWriter writer =
        LayerTableWriter.create(path, entries, Map.of("format", "pt"))) {
      ArrowFiles.fill(writer, entries);
    }
    PyArrow.run(EVERY_KIND, path);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"weights file 100", "weights file 1", "weights stream 100", "weights stream 4",
          "quantized file 100", "quantized file 7", "quantized stream 1"})
  void pyArrowReadsBackWhatItWroteAfterItCameThroughHere(String what) {
    Path theirs = directory.resolve("theirs.arrow");
    Path ours = directory.resolve("ours.arrow");
    PyArrow.run(
        RANDOM_TABLES, theirs, what.split(" ")[0], what.split(" ")[1], what.split(" ")[2]);

    try (LayerTableFile file = LayerTableFile.open(theirs);
        LayerTableWriter writer = LayerTableWriter.create(ours, file.entries(), file.metadata());
        Arena arena = Arena.ofConfined()) {
      assertThat(file.entries()).hasSize(what.startsWith("weights") ? 23 : 69);
      for (int i = 0; i < file.entries().size(); i++) {
        TensorEntry entry = file.entries().get(i);
        MemorySegment bytes = arena.allocate(Math.max(1, entry.byteLength()));
        file.read(entry.name(), 0, bytes.asSlice(0, entry.byteLength()));
        writer.write(i, 0, bytes.asSlice(0, entry.byteLength()));
      }
      writer.commit();
    }
    PyArrow.run(SAME_TABLE, theirs, ours);
  }

  @Test
  void pyArrowMapsTablesWithMoreThanTwoGibibytes() {
    Path path = directory.resolve("big.arrow");
    TensorEntry big =
        LayerTableWriterTest.plain("big", DType.F32, (1L << 29) + 16);
    try (LayerTableWriter writer = LayerTableWriter.create(path, List.of(big), Map.of());
        Arena arena = Arena.ofConfined()) {
      writer.write(0, big.byteLength() - 4, ArrowFiles.bytes(arena, 4, 3));
      writer.commit();
    }
    PyArrow.run(
        """
            import sys, struct, pyarrow as pa
            with pa.memory_map(sys.argv[1]) as source:
                weights = pa.ipc.open_file(source).read_all()["weights"]
                assert weights.type == pa.large_list(pa.float32())
                values = weights.chunk(0).flatten()
                assert len(values) == 2**29 + 16 and values[0].as_py() == 0
                assert values.buffers()[1].address % 64 == 0
                assert struct.pack("<f", values[-1].as_py()) == bytes((i * 31 + 3) % 256 for i in range(4))
            """,
        path);
  }
}
