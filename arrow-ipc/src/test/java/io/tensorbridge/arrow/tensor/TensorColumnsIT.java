package io.tensorbridge.arrow.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tensorbridge.Backing;
import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowFile;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.ArrowWriter;
import io.tensorbridge.arrow.PyArrow;
import io.tensorbridge.arrow.TensorMessage;
import io.tensorbridge.arrow.WriteOptions;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.StringJoiner;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tensors of PyArrow, and tensors for it. */
@Timeout(120)
class TensorColumnsIT {
  /** Each column counts its elements from 0 in the order of the logical tensor, beside nulls. */
  private static final String COLUMNS =
      """
          import sys, json, numpy as np, pyarrow as pa
          def own(array, name, parameters=""):
              return array, {"ARROW:extension:name": name, "ARROW:extension:metadata": parameters}
          n = 4
          def count(*shape, kind="f4"):
              return np.arange(np.prod(shape)).reshape(shape).astype(kind)
          def fixed(values, size):
              return pa.FixedSizeListArray.from_arrays(values, size)
          fst = pa.FixedShapeTensorArray.from_numpy_ndarray
          permuted = np.ascontiguousarray(count(n, 2, 3, 5).transpose(0, 3, 1, 2))
          kind = pa.fixed_shape_tensor(pa.float32(), [5, 2, 3], dim_names=["z", "x", "y"], permutation=[1, 2, 0])
          lists = pa.ListArray.from_arrays(pa.array([0, 3, 6, 9, 12], pa.int32()), pa.array(count(12)))
          bf16 = (count(n).view("u4") >> 16).astype("u2")
          shapes = fixed(pa.array([1, 2, 2, 1, 0, 3, 2, 2], pa.int32()), 2)
          data = pa.ListArray.from_arrays(pa.array([0, 2, 4, 4, 8], pa.int32()), pa.array(count(8, kind="i2")))
          columns = {
              "f4": pa.array(count(n)), "f2": pa.array(count(n, kind="f2")), "u8": pa.array(count(n, kind="u8")),
              "matrix": fixed(pa.array(count(n * 3)), 3),
              "nested": fixed(fixed(pa.array(count(n * 6, kind="i4")), 3), 2),
              "list": lists, "large list": lists.cast(pa.large_list(pa.float32())),
              "tensor": fst(count(n, 2, 3)),
              "permuted": pa.ExtensionArray.from_storage(kind, fixed(pa.array(permuted.ravel()), 30)),
              "bool8": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, 1, 2, 3], pa.int8())),
              "bf16": own(pa.array(bf16), "tensorbridge.dtype", "bfloat16"),
              "lance": own(pa.array([b.tobytes() for b in bf16], pa.binary(2)), "lance.bfloat16"),
              "variable": own(pa.StructArray.from_arrays([data, shapes], ["data", "shape"]),
                              "arrow.variable_shape_tensor", '{"dim_names": ["h", "w"], "permutation": [1, 0]}'),
              "opaque": pa.ExtensionArray.from_storage(pa.opaque(pa.int8(), "geometry", "vendor"), pa.array([1] * n, pa.int8())),
              "nulls": pa.array([1.0, None, 2.0, 3.0]), "text": pa.array(["a"] * n),
              "uneven": pa.array([[1.0], [2.0, 3.0], [], [4.0]]),
          }
          columns = {k: v if isinstance(v, tuple) else (v, None) for k, v in columns.items()}
          schema = pa.schema([pa.field(k, a.type, metadata=m) for k, (a, m) in columns.items()])
          table = pa.table([a for a, _ in columns.values()], schema=schema)
          table = pa.concat_tables([table, table]).combine_chunks().slice(n) if sys.argv[2] == "sliced" else table
          with pa.ipc.new_file(sys.argv[1], schema) as writer:
              writer.write_table(table)
          """;

  @TempDir
  private Path directory;

  @BeforeAll
  static void needsPyArrow() {
    assumeTrue(PyArrow.isInstalled(), "PyArrow is not installed");
  }

  @Test
  void columnsAreTensorsWhereTheyAre() {
    readsColumns("whole");
  }

  @Test
  void slicedColumnsAreTensorsWhereTheyAre() {
    readsColumns("sliced");
  }

  private void readsColumns(String kind) {
    Path path = directory.resolve("columns.arrow");
    PyArrow.run(COLUMNS, path, kind);
    try (ArrowFile file = ArrowFile.open(path)) {
      requireCounted(tensor(file, "f4"), DType.F32, 4);
      requireCounted(tensor(file, "f2"), DType.F16, 4);
      requireCounted(tensor(file, "u8"), DType.U64, 4);
      requireCounted(tensor(file, "matrix"), DType.F32, 4, 3);
      requireCounted(tensor(file, "nested"), DType.I32, 4, 2, 3);
      requireCounted(tensor(file, "list"), DType.F32, 4, 3);
      requireCounted(tensor(file, "large list"), DType.F32, 4, 3);
      requireCounted(tensor(file, "tensor"), DType.F32, 4, 2, 3);
      requireCounted(tensor(file, "permuted"), DType.F32, 4, 2, 3, 5);
      requireCounted(tensor(file, "bf16"), DType.BF16, 4);
      requireCounted(tensor(file, "lance"), DType.BF16, 4);
      assertThat(tensor(file, "bool8").type())
          .isEqualTo(new TensorType(DType.BOOL, Shape.of(4)));
      assertThat(tensor(file, "tensor").backing()).isEqualTo(Backing.FILE);
      TensorColumns.Named named = TensorColumns.named(column(file, "permuted"));
      assertThat(named.dimensionNames()).containsExactly("x", "y", "z");
      assertThat(TensorColumns.row(column(file, "permuted"), 1).tensor().shape())
          .isEqualTo(Shape.of(2, 3, 5));
      assertThat(TensorColumns.row(column(file, "list"), 2).tensor().getDouble(0)).isEqualTo(6);
      requireVariable(column(file, "variable"));
      assertThat(column(file, "opaque").field().extensionName()).contains("arrow.opaque");
      for (String none : List.of("nulls", "text", "uneven", "variable")) {
        assertThatThrownBy(() -> tensor(file, none))
            .isInstanceOf(TensorException.class)
            .hasMessageContaining(none);
      }
    }
  }

  private static void requireVariable(ArrowColumn column) {
    TensorColumns.Named first = TensorColumns.row(column, 0);
    assertThat(first.tensor().shape()).isEqualTo(Shape.of(2, 1)); // stored as 1, 2
    assertThat(first.dimensionNames()).containsExactly("w", "h");
    assertThat(TensorColumns.row(column, 2).tensor().shape()).isEqualTo(Shape.of(3, 0));
    Tensor last = TensorColumns.row(column, 3).tensor();
    assertThat(last.dtype()).isEqualTo(DType.I16);
    assertThat(last.getDouble(0, 1)).isEqualTo(6); // stored as [[4, 5], [6, 7]]
  }

  private static ArrowColumn column(ArrowFile file, String name) {
    return file.batches().getFirst().columns().get(file.schema().indexOf(name));
  }

  private static Tensor tensor(ArrowFile file, String name) {
    return TensorColumns.of(column(file, name));
  }

  private static void requireCounted(Tensor tensor, DType dtype, long... shape) {
    assertThat(tensor.type()).isEqualTo(new TensorType(dtype, Shape.of(shape)));
    long[] index = new long[shape.length];
    for (long i = 0; i < tensor.shape().elementCount(); i++) {
      long rest = i;
      for (int axis = shape.length - 1; axis >= 0; axis--) {
        index[axis] = rest % shape[axis];
        rest /= shape[axis];
      }
      assertThat(tensor.getDouble(index)).isEqualTo((double) i);
    }
  }

  @Test
  void pyArrowReadsTensorsAsColumns() {
    Path path = directory.resolve("ours.arrow");
    List<ArrowColumn> columns = new ArrayList<>();
    StringJoiner expected = new StringJoiner(" ");
    try (Arena arena = Arena.ofConfined()) {
      for (DType dtype : DType.values()) {
        for (Shape cell : List.of(Shape.of(), Shape.of(2, 3), Shape.of(0, 3))) {
          long[] shape = new long[cell.rank() + 1];
          shape[0] = 4;
          System.arraycopy(cell.dimensions(), 0, shape, 1, cell.rank());
          TensorType type = new TensorType(dtype, Shape.of(shape));
          MemorySegment bytes = arena.allocate(Math.max(1, type.byteLength()), 64);
          for (long i = 0; i < type.byteLength(); i++) {
            byte value = dtype == DType.BOOL ? (byte) (i % 2) : (byte) (i % 64);
            bytes.set(java.lang.foreign.ValueLayout.JAVA_BYTE, i, value);
          }
          Tensor tensor =
              Tensor.of(bytes, TensorLayout.rowMajor(type), Backing.PRIVATE);
          columns.add(TensorColumns.column(dtype.numpyName() + cell, tensor));
          expected.add(dtype.numpyName() + ":" + type.byteLength());
        }
      }
      ArrowSchema schema =
          new ArrowSchema(columns.stream().map(ArrowColumn::field).toList(), Map.of());
      try (ArrowWriter writer = ArrowWriter.toPath(path, schema, WriteOptions.file())) {
        writer.write(new ArrowBatch(4, columns));
        writer.finish();
      }
      requireTensorsBack(path, columns);
    }
    PyArrow.run(
        """
            import sys, numpy as np, pyarrow as pa
            table = pa.ipc.open_file(sys.argv[1]).read_all()
            table.validate(full=True)
            expected = sys.argv[2].split()
            assert table.num_columns == len(expected)
            for i, told in enumerate(expected):
                dtype, size = told.split(":")
                column, field = table.column(i).chunk(0), table.schema.field(i)
                filled = bytes(k % (2 if dtype == "bool" else 64) for k in range(int(size)))
                if i % 3 == 0:
                    storage = column.storage if isinstance(column, pa.ExtensionArray) else column
                    assert storage.buffers()[1].to_pybytes()[:int(size)] == filled, field
                else:
                    assert field.type.extension_name == "arrow.fixed_shape_tensor", field
                    assert field.type.shape == ([2, 3] if i % 3 == 1 else [0, 3]), field
                    assert column.storage.buffers()[-1].to_pybytes()[:int(size)] == filled, field
                    if dtype in ("float16", "float32", "int8", "uint64"):
                        array = column.to_numpy_ndarray()
                        assert array.dtype == dtype and array.tobytes() == filled, array
            """,
        path,
        expected);
  }

  @Test
  void pyArrowReadsTensorsOfManyShapes() {
    Path path = directory.resolve("variable.arrow");
    ArrowField field = TensorColumns.variableShape("v", DType.F32, 3, List.of("h", "w", "c"),
        List.of(2, 0, 1), List.of(OptionalLong.empty(), OptionalLong.empty(), OptionalLong.of(3)));
    try (Arena arena = Arena.ofConfined()) {
      List<Tensor> rows = new ArrayList<>();
      for (long[] shape : new long[][]{{2, 4, 3}, {0, 5, 3}, {1, 1, 3}}) {
        TensorType type = new TensorType(DType.F32, Shape.of(shape));
        MemorySegment bytes = arena.allocate(Math.max(4, type.byteLength()), 64);
        for (int i = 0; i < type.shape().elementCount(); i++) {
          bytes.setAtIndex(java.lang.foreign.ValueLayout.JAVA_FLOAT, i, i + 0.5f);
        }
        Tensor stored = Tensor.of(bytes, TensorLayout.rowMajor(type), Backing.PRIVATE);
        rows.add(stored.permute(2, 0, 1));
      }
      Tensor columns = rows.getFirst().permute(1, 2, 0).narrow(1, 1, 3).permute(2, 0, 1);
      rows.add(columns); // with gaps
      ArrowColumn column = TensorColumns.column(field, rows, arena);
      ArrowSchema schema = new ArrowSchema(List.of(field), Map.of());
      try (ArrowWriter writer = ArrowWriter.toPath(path, schema, WriteOptions.file())) {
        writer.write(new ArrowBatch(rows.size(), List.of(column)));
        writer.finish();
      }
      try (ArrowFile file = ArrowFile.open(path)) {
        ArrowColumn read = file.batches().getFirst().columns().getFirst();
        read.validate();
        for (int i = 0; i < rows.size(); i++) {
          TensorColumns.Named found = TensorColumns.row(read, i);
          assertThat(found.tensor().type()).isEqualTo(rows.get(i).type());
          assertThat(found.dimensionNames()).containsExactly("c", "h", "w");
          if (found.tensor().byteLength() > 0) {
            long[] last = found.tensor().shape().dimensions();
            java.util.Arrays.setAll(last, k -> last[k] - 1);
            assertThat(found.tensor().getDouble(last)).isEqualTo(rows.get(i).getDouble(last));
          }
        }
      }
      requireRefused(field, rows.getFirst().permute(1, 0, 2), "uniform_shape", arena);
      requireRefused(field, Tensor.of(arena.allocate(8), DType.F32, Shape.of(1, 2)), "rank 3",
          arena);
    }
    assertThatThrownBy(() -> TensorColumns.variableShape(
        "v", DType.F32, 2, List.of("a"), List.of(), List.of())).isInstanceOf(FormatException.class);
    PyArrow.run(
        """
            import sys, json, numpy as np, pyarrow as pa
            column = pa.ipc.open_file(sys.argv[1]).read_all()["v"].chunk(0)
            column.validate(full=True)
            kind = column.type  # PyArrow of C++ knows it, Python sees a base class
            assert kind.extension_name == "arrow.variable_shape_tensor", kind
            storage = column.storage
            assert storage.type.field("data").type.value_type == pa.float32(), storage.type
            for told in ("uniform_shape=[null,null,3]", "permutation=[2,0,1]", "dim_names=[h,w,c]"):
                assert told in str(kind), kind
            shapes = storage.field("shape").to_pylist()
            assert shapes == [[2, 4, 3], [0, 5, 3], [1, 1, 3], [2, 2, 3]], shapes
            counted = np.arange(24).reshape(2, 4, 3) + 0.5
            expected = [counted, counted[:0], counted.ravel()[:3], counted[:, 1:3]]
            for found, array in zip(storage.field("data").to_pylist(), expected):
                assert found == array.ravel().tolist(), (found, array)
            """,
        path);
  }

  private static void requireRefused(ArrowField field, Tensor row, String reason, Arena arena) {
    assertThatThrownBy(() -> TensorColumns.column(field, List.of(row), arena))
        .isInstanceOf(TensorException.class).hasMessageContaining(reason);
  }

  private static void requireTensorsBack(Path path, List<ArrowColumn> columns) {
    try (ArrowFile file = ArrowFile.open(path)) {
      for (int i = 0; i < columns.size(); i++) {
        Tensor back = TensorColumns.of(file.batches().getFirst().columns().get(i));
        Tensor tensor = TensorColumns.of(columns.get(i));
        assertThat(back.type()).isEqualTo(tensor.type());
        assertThat(back.data().mismatch(tensor.data())).isEqualTo(-1);
      }
    }
  }

  @Test
  void tensorMessagesComeAndGoInEveryOrder() throws IOException {
    PyArrow.run(
        """
            import sys, numpy as np, pyarrow as pa
            for dtype in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"):
                counted = np.arange(24).reshape(2, 3, 4).astype(dtype)
                arrays = {"c": counted, "f": np.asfortranarray(counted), "t": counted.transpose(1, 0, 2),
                          "s": np.repeat(counted, 2, axis=2)[:, :, ::2], "e": counted[:0], "one": counted[0, 0]}
                for name, array in arrays.items():
                    with pa.OSFile(f"{sys.argv[1]}/{dtype}-{name}.tensor", "wb") as sink:
                        names = ["a", "", "größe"][:array.ndim]
                        pa.ipc.write_tensor(pa.Tensor.from_numpy(array, names), sink)
                    np.save(f"{sys.argv[1]}/{dtype}-{name}.npy", array)
            """,
        directory);
    List<Path> files;
    try (var found = Files.list(directory)) {
      files = found.filter(file -> file.toString().endsWith(".tensor")).sorted().toList();
    }
    assertThat(files).hasSize(66);
    for (Path path : files) {
      MemorySegment bytes = MemorySegment.ofArray(Files.readAllBytes(path));
      TensorMessage message = TensorMessage.read(bytes, Backing.PRIVATE);
      assertThat(message.byteLength()).isEqualTo(bytes.byteSize());
      if (path.toString().endsWith("-f.tensor") || path.toString().endsWith("-c.tensor")) {
        requireCounted(message.tensor(), message.tensor().dtype(), 2, 3, 4);
        assertThat(message.dimensionNames()).containsExactly("a", "", "größe");
      }
      write(message.tensor(), message.dimensionNames(), path + ".ours");
      int rank = message.tensor().shape().rank();
      if (rank == 3) { // with strides that are in neither order
        write(message.tensor().permute(2, 0, 1), List.of(), path + ".permuted");
      }
    }
    PyArrow.run(
        """
            import sys, glob, numpy as np, pyarrow as pa
            files = glob.glob(sys.argv[1] + "/*.npy")
            assert len(files) == 66
            for path in files:
                expected = np.load(path)
                with pa.OSFile(path.replace(".npy", ".tensor.ours")) as source:
                    tensor = pa.ipc.read_tensor(source)
                if "-c." in path or "-f." in path:  # it writes others without their names
                    assert tensor.dim_names == ["a", "", "größe"], tensor.dim_names
                found = tensor.to_numpy()
                assert found.dtype == expected.dtype and np.array_equal(found, expected), path
                if expected.ndim == 3:
                    with pa.memory_map(path.replace(".npy", ".tensor.permuted")) as source:
                        found = pa.ipc.read_tensor(source).to_numpy()
                    assert np.array_equal(found, expected.transpose(2, 0, 1)), path
            """,
        directory);
  }

  private static void write(Tensor tensor, List<String> names, String path) throws IOException {
    try (FileChannel channel =
        FileChannel.open(
            Path.of(path), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      TensorMessage.write(tensor, names, channel);
    }
  }

  @Test
  void tensorMessagesThatAreCutShortAreRefused() throws IOException {
    Path path = directory.resolve("short.tensor");
    try (Arena arena = Arena.ofConfined()) {
      TensorType type = new TensorType(DType.F32, Shape.of(2, 3));
      Tensor tensor =
          Tensor.of(arena.allocate(24), TensorLayout.rowMajor(type), Backing.PRIVATE);
      write(tensor, List.of(), path.toString());
    }
    byte[] bytes = Files.readAllBytes(path);
    for (int length = 0; length < bytes.length; length++) {
      MemorySegment cut = MemorySegment.ofArray(java.util.Arrays.copyOf(bytes, length));
      assertThatThrownBy(() -> TensorMessage.read(cut, Backing.PRIVATE))
          .isInstanceOf(FormatException.class);
    }
  }
}
