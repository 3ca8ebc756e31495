package io.tensorbridge.shm.npy;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.Backing;
import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NpyFileTest {
  @ParameterizedTest
  @CsvSource({
      "int8, I8", "int16, I16", "int32, I32", "int64, I64", "uint8, U8", "uint16, U16",
      "uint32, U32", "uint64, U64", "float16, F16", "float32, F32", "float64, F64",
      "complex64, C64", "complex128, C128", "version_2, F32", "version_3, F32"
  })
  void arraysAreMappedAsTheyAre(String name, DType dtype) {
    try (NpyFile file = NpyFile.open(Golden.path(name + ".npy"))) {
      Tensor tensor = file.tensor();
      assertThat(tensor.dtype()).isEqualTo(dtype);
      assertThat(tensor.shape()).isEqualTo(Golden.SHAPE);
      assertThat(tensor.backing()).isEqualTo(Backing.FILE);
      assertThat(tensor.isRowMajor()).isTrue();
      assertThat(tensor.segment().isReadOnly()).isTrue();
      assertThat(tensor.segment().address() % 64).isZero();
      assertThat(Golden.values(tensor)).isEqualTo(Golden.flatIndex());
    }
  }

  @Test
  void booleansAreBytes() {
    try (NpyFile file = NpyFile.open(Golden.path("bool.npy"))) {
      assertThat(file.tensor().dtype()).isEqualTo(DType.BOOL);
      assertThat(file.tensor().getDouble(1, 0, 1)).isEqualTo(1);
      assertThat(file.tensor().getDouble(1, 0, 2)).isEqualTo(0);
    }
  }

  @Test
  void bfloat16IsKnownByItsTypeString() {
    try (NpyFile file = NpyFile.open(Golden.path("bfloat16.npy"))) {
      assertThat(file.tensor().dtype()).isEqualTo(DType.BF16);
      assertThat(file.tensor().getDouble(0, 1, 3)).isEqualTo(7);
    }
  }

  @Test
  void voidTypesTakeTheDtypeThatTheCallerKnows() {
    assertThatThrownBy(() -> NpyFile.open(Golden.path("float8_e4m3fn.npy")))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("lost its name");
    try (NpyFile file = NpyFile.open(Golden.path("float8_e4m3fn.npy"), DType.F8_E4M3)) {
      assertThat(file.tensor().getDouble(0, 1, 1)).isEqualTo(5);
    }
    try (NpyFile file = NpyFile.open(Golden.path("refused_void.npy"), DType.BF16)) {
      assertThat(file.tensor().dtype()).isEqualTo(DType.BF16);
    }
    assertThatThrownBy(() -> NpyFile.open(Golden.path("refused_void.npy"), DType.F8_E5M2))
        .isInstanceOf(FormatException.class);
  }

  @Test
  void float8E5m2IsKnownByItsTypeString() {
    try (NpyFile file = NpyFile.open(Golden.path("float8_e5m2.npy"))) {
      assertThat(file.tensor().dtype()).isEqualTo(DType.F8_E5M2);
      assertThat(file.tensor().getDouble(0, 1, 1)).isEqualTo(5);
    }
  }

  @ParameterizedTest
  @CsvSource({"i2, I16", "f4, F32", "f8, F64", "c8, C64"})
  void bigEndianElementsAreCopied(String name, DType dtype) {
    try (NpyFile file = NpyFile.open(Golden.path("big_endian_" + name + ".npy"))) {
      Tensor tensor = file.tensor();
      assertThat(tensor.dtype()).isEqualTo(dtype);
      assertThat(tensor.backing()).isEqualTo(Backing.PRIVATE);
      assertThat(Golden.values(tensor)).isEqualTo(Golden.flatIndex());
      assertThat(file.tensor()).isSameAs(tensor);
      assertThat(file.array().byteOrder()).isEqualTo(ByteOrder.BIG_ENDIAN);
      assertThatThrownBy(() -> file.array().view())
          .isInstanceOf(TensorException.class)
          .hasMessageContaining("newbyteorder");
    }
  }

  @Test
  void fortranOrderIsALayoutNotACopy() {
    try (NpyFile file = NpyFile.open(Golden.path("fortran_float32.npy"))) {
      Tensor tensor = file.tensor();
      assertThat(tensor.layout()).isEqualTo(TensorLayout.columnMajor(tensor.type()));
      assertThat(tensor.backing()).isEqualTo(Backing.FILE);
      assertThat(Golden.values(tensor)).isEqualTo(Golden.flatIndex());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"fortran_float32", "fortran_big_endian_int16", "fortran_complex128"})
  void asATensorFileItIsRowMajor(String name) {
    try (TensorFile file = TensorFileFormats.ofServices()
        .forPath(Path.of("x.npy"))
        .open(Golden.path(name + ".npy"))) {
      Tensor tensor = file.tensor(name);
      assertThat(tensor.isRowMajor()).isTrue();
      assertThat(Golden.values(tensor)).isEqualTo(Golden.flatIndex());
      assertThat(file.bytes(name).byteSize()).isEqualTo(file.entry(name).byteLength());
    }
  }

  @Test
  void scalarsVectorsAndEmptyArraysHaveTheirShape() {
    try (NpyFile scalar = NpyFile.open(Golden.path("scalar.npy"));
        NpyFile empty = NpyFile.open(Golden.path("empty.npy"));
        NpyFile vector = NpyFile.open(Golden.path("vector.npy"))) {
      assertThat(scalar.tensor().shape()).isEqualTo(Shape.of());
      assertThat(scalar.tensor().getDouble()).isEqualTo(7);
      assertThat(empty.tensor().shape()).isEqualTo(Shape.of(2, 0, 3));
      assertThat(empty.tensor().data().byteSize()).isZero();
      assertThat(vector.tensor().getDouble(4)).isEqualTo(4);
    }
  }

  @ParameterizedTest
  @CsvSource({
      "object, pickles", "structured, each field", "text, no tensor", "bytes, no tensor",
      "datetime, np.int64", "longdouble, np.float64", "void, lost its name"
  })
  void whatIsNoTensorIsRefusedWithTheRemedy(String name, String remedy) {
    assertThatThrownBy(() -> NpyFile.open(Golden.path("refused_" + name + ".npy")))
        .isInstanceOfSatisfying(
            FormatException.class,
            e -> {
              assertThat(e.code()).isEqualTo(ErrorCode.BAD_FORMAT);
              assertThat(e.byteOffset()).isEqualTo(20); // of the value of 'descr'
            })
        .hasMessageContaining(remedy);
  }

  @Test
  void anArrayAboveTwoGibibytesIsMappedWhole(@TempDir Path directory) throws IOException {
    Path path = directory.resolve("large.npy");
    long count = (3L << 30) / Float.BYTES;
    try (NpyWriter writer =
        NpyWriter.create(path, new TensorType(DType.F32, Shape.of(count)));
        Arena arena = Arena.ofConfined()) {
      writer.write(0, (count - 1) * Float.BYTES, arena.allocateFrom(JAVA_FLOAT, 2.5f));
      writer.commit();
    }
    try (NpyFile file = NpyFile.open(path)) {
      assertThat(file.tensor().byteLength()).isEqualTo(3L << 30);
      assertThat(file.tensor().getDouble(count - 1)).isEqualTo(2.5);
    }
  }

  @Test
  void bytesBehindTheArrayAreIgnored(@TempDir Path directory) throws IOException {
    Path path = Files.copy(Golden.path("float32.npy"), directory.resolve("two.npy"));
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.seek(file.length());
      file.write(new byte[100]);
    }
    try (NpyFile file = NpyFile.open(path)) {
      assertThat(Golden.values(file.tensor())).isEqualTo(Golden.flatIndex());
    }
  }

  @Test
  void aFileCutShortIsRefused(@TempDir Path directory) throws IOException {
    byte[] whole = Files.readAllBytes(Golden.path("float32.npy"));
    Path path = directory.resolve("cut.npy");
    for (int length = 0; length < whole.length; length++) {
      Files.write(path, Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> NpyFile.open(path)).isInstanceOf(FormatException.class);
    }
  }

  @Test
  void aFileThatShrinksWhileItIsOpenFailsInACatchableWay(@TempDir Path directory)
      throws IOException {
    Path path = directory.resolve("shrinks.npy");
    Files.copy(Golden.path("fortran_float32.npy"), path);
    try (NpyFile file = NpyFile.open(path); Arena arena = Arena.ofConfined()) {
      Files.write(path, new byte[0]);
      assertThatThrownBy(() -> file.array().copy(arena))
          .isInstanceOfSatisfying(
              FormatException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.FILE_IO));
    }
  }

  @Test
  void aClosedFileGivesNoTensors() {
    NpyFile file = NpyFile.open(Golden.path("float32.npy"));
    Tensor tensor = file.tensor();
    file.close();
    file.close();
    assertThatThrownBy(file::tensor).isInstanceOf(BridgeClosedException.class);
    assertThatThrownBy(() -> file.tensor("float32")).isInstanceOf(BridgeClosedException.class);
    assertThatThrownBy(() -> tensor.getDouble(0, 0, 0)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aFileThatIsNotThereSaysSo() {
    assertThatThrownBy(() -> NpyFile.open(Path.of("/nonexistent/a.npy")))
        .isInstanceOfSatisfying(
            FormatException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.FILE_IO));
  }

  @Test
  void anUnknownNameIsAnsweredWithTheKnownOne() {
    try (NpyFile file = NpyFile.open(Golden.path("float32.npy"))) {
      assertThatThrownBy(() -> file.tensor("float64"))
          .isInstanceOf(TensorException.class)
          .hasMessageContaining("float32");
    }
  }
}
