package io.tensorbridge.shm.npy;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.BridgeClosedException;
import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormat;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.file.TensorFileWriter;
import io.tensorbridge.shm.file.PendingFile;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SequencedMap;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NpyWriterTest {
  private static final TensorType TYPE = new TensorType(DType.F32, Shape.of(4));
  private static final MemorySegment VALUES = MemorySegment.ofArray(new float[]{1, 2, 3, 4});

  @TempDir
  private Path directory;

  @AfterEach
  void leavesNoTemporaryFile() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      assertThat(files.map(Path::toString)).noneMatch(name -> name.endsWith(".tmp"));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"float32", "bfloat16", "bool", "complex128", "fortran_float32", "scalar", "empty"})
  void aGoldenFileIsWrittenByteForByte(String name) throws IOException {
    Path copy = directory.resolve("copy.npy");
    try (NpyFile golden = NpyFile.open(Golden.path(name + ".npy"))) {
      NpyWriter.write(copy, golden.tensor());
    }
    assertThat(copy).hasSameBinaryContentAs(Golden.path(name + ".npy"));
  }

  @Test
  void anyStridesAreWrittenInTheirLogicalOrder() {
    Path path = directory.resolve("strided.npy");
    try (NpyFile golden = NpyFile.open(Golden.path("float32.npy"))) {
      NpyWriter.write(path, golden.tensor().permute(2, 0, 1).narrow(0, 1, 3));
      try (NpyFile written = NpyFile.open(path)) {
        assertThat(written.tensor().shape()).isEqualTo(Shape.of(2, 2, 3));
        assertThat(written.tensor().getDouble(1, 0, 2)).isEqualTo(10);
        assertThat(written.tensor().getDouble(0, 1, 1)).isEqualTo(17);
      }
    }
  }

  @Test
  void aLargeStridedTensorIsWrittenInPieces() {
    int columns = 1500;
    int rows = 1001;
    MemorySegment values = MemorySegment.ofArray(new float[rows * columns]);
    for (int i = 0; i < rows * columns; i++) {
      values.setAtIndex(JAVA_FLOAT, i, i);
    }
    Path path = directory.resolve("large.npy");
    Tensor transposed =
        Tensor.of(values, DType.F32, Shape.of(rows, columns)).permute(1, 0).narrow(1, 0, 1000);
    NpyWriter.write(path, transposed);
    try (NpyFile written = NpyFile.open(path)) {
      for (int i = 0; i < 1000; i += 37) {
        assertThat(written.tensor().getDouble(columns - 1, i))
            .isEqualTo(transposed.getDouble(columns - 1, i));
      }
    }
  }

  @Test
  void archivesAreWrittenInAnyOrderAndAligned() {
    Path path = directory.resolve("a.npz");
    List<TensorEntry> entries =
        List.of(
            TensorEntry.of("first", TYPE),
            TensorEntry.of("größe", new TensorType(DType.I8, Shape.of(3))),
            TensorEntry.of("empty", new TensorType(DType.F64, Shape.of(0))),
            TensorEntry.of("scalar", new TensorType(DType.F32, Shape.of())));
    try (NpzWriter writer = NpzWriter.create(path, entries)) {
      writer.write(3, 0, VALUES.asSlice(8, 4));
      writer.write(0, 8, VALUES.asSlice(8));
      writer.write(0, 0, VALUES.asSlice(0, 8));
      writer.write(1, 1, MemorySegment.ofArray(new byte[]{5}));
      assertThat(path).doesNotExist();
      writer.commit();
    }
    try (NpzFile file = NpzFile.open(path)) {
      assertThat(file.entries()).isEqualTo(entries);
      assertThat(file.tensor("first").data().mismatch(VALUES)).isEqualTo(-1);
      assertThat(file.bytes("größe").toArray(JAVA_BYTE)).containsExactly(0, 5, 0);
      assertThat(file.tensor("scalar").getDouble()).isEqualTo(3);
      for (TensorEntry entry : entries) {
        assertThat(file.bytes(entry.name()).address() % 64).isZero();
      }
    }
  }

  @Test
  void anArchiveIsWhatOtherZipReadersExpect() throws IOException {
    Path path = directory.resolve("a.npz");
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("one", Tensor.of(VALUES, DType.F32, Shape.of(2, 2)));
    tensors.put("two", Tensor.of(VALUES, DType.F32, Shape.of(2, 2)).permute(1, 0));
    NpzWriter.write(path, tensors);
    try (ZipFile zip = new ZipFile(path.toFile())) {
      assertThat(zip.size()).isEqualTo(2);
      byte[] content = zip.getInputStream(zip.getEntry("two.npy")).readAllBytes();
      CRC32 checksum = new CRC32();
      checksum.update(content);
      assertThat(zip.getEntry("two.npy").getCrc()).isEqualTo(checksum.getValue());
      assertThat(content).hasSize(128 + 16);
    }
  }

  /** Without checksums, for which 5 GiB would have to be read. */
  @Test
  void membersAndArchivesAboveFourGibibytesAreWrittenByZip64() throws IOException {
    Path path = directory.resolve("large.npz");
    TensorType large = new TensorType(DType.U8, Shape.of(5L << 30));
    NpzSlot first = NpzSlot.at(0, "large", large);
    NpzSlot second = NpzSlot.at(first.endOffset(), "b", TYPE);
    ZipDirectoryWriter zipDirectory = new ZipDirectoryWriter(second.endOffset());
    try (PendingFile file = PendingFile.create(path)) {
      for (NpzSlot slot : List.of(first, second)) {
        file.write(slot.localOffset(), MemorySegment.ofArray(slot.localHeader(0)));
        file.write(slot.contentOffset(), MemorySegment.ofArray(slot.head()));
        zipDirectory.add(slot, 0);
      }
      file.write(first.endOffset() - 1, MemorySegment.ofArray(new byte[]{9}));
      file.write(second.dataOffset(), VALUES);
      file.write(second.endOffset(), MemorySegment.ofArray(zipDirectory.finish()));
      file.commit();
    }
    try (NpzFile file = NpzFile.open(path)) {
      assertThat(file.tensor("large").getDouble(large.byteLength() - 1)).isEqualTo(9);
      assertThat(file.tensor("b").data().mismatch(VALUES)).isEqualTo(-1);
    }
    try (ZipFile zip = new ZipFile(path.toFile())) {
      assertThat(zip.getEntry("large.npy").getSize()).isEqualTo(first.contentLength());
      assertThat(zip.getInputStream(zip.getEntry("b.npy")).read()).isEqualTo(0x93);
    }
  }

  @Test
  void manyMembersAreWrittenByZip64() throws IOException {
    Path path = directory.resolve("many.npz");
    TensorType empty = new TensorType(DType.U8, Shape.of(0));
    List<TensorEntry> entries =
        Stream.iterate(0, i -> i + 1)
            .limit(65_600)
            .map(i -> TensorEntry.of("t" + i, empty))
            .toList();
    try (NpzWriter writer = NpzWriter.create(path, entries)) {
      writer.commit();
    }
    try (NpzFile file = NpzFile.open(path)) {
      assertThat(file.entries()).isEqualTo(entries);
    }
    try (ZipFile zip = new ZipFile(path.toFile())) {
      assertThat(zip.size()).isEqualTo(entries.size());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"x.npy", "x.npz"})
  void aFileThatIsGivenUpLeavesNothingAndKeepsTheOldOne(String name) throws IOException {
    Path path = directory.resolve(name);
    Files.writeString(path, "old");
    try (TensorFileWriter writer = formatOf(path).create(path, one("x"), Map.of())) {
      writer.write(0, 0, VALUES);
    }
    assertThat(path).hasContent("old");
    try (TensorFileWriter writer = formatOf(path).create(path, one("x"), Map.of())) {
      writer.write(0, 0, VALUES);
      writer.commit();
      assertThatThrownBy(() -> writer.write(0, 0, VALUES))
          .isInstanceOf(BridgeClosedException.class);
      assertThatThrownBy(writer::commit).isInstanceOf(BridgeClosedException.class);
    }
    try (TensorFile file = formatOf(path).open(path)) {
      assertThat(file.bytes("x").mismatch(VALUES)).isEqualTo(-1);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"x.npy", "x.npz"})
  void bytesOutsideTheTensorAreRefused(String name) {
    Path path = directory.resolve(name);
    try (TensorFileWriter writer = formatOf(path).create(path, one("x"), Map.of())) {
      assertThatThrownBy(() -> writer.write(0, 1, VALUES))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> writer.write(1, 0, VALUES))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void whatTheFormatsCanNotHoldIsRefused() {
    Path npy = directory.resolve("x.npy");
    Path npz = directory.resolve("x.npz");
    TensorEntry blocks = new TensorEntry("w", "q8_0", Shape.of(32), 34);
    assertThat(formatOf(npz).holds("f32")).isTrue();
    assertThat(formatOf(npy).holds("q8_0")).isFalse();
    assertThat(formatOf(npy).holds("f8_e4m3")).isFalse();
    assertThatThrownBy(() -> formatOf(npy).create(npy, List.of(blocks), Map.of()))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("q8_0");
    assertThatThrownBy(() -> formatOf(npz).create(npz, twice("x"), Map.of()))
        .isInstanceOf(FormatException.class);
    assertThatThrownBy(() -> formatOf(npy).create(npy, twice("x"), Map.of()))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(".npz");
  }

  @Test
  void whatNumpyHasNoDtypeForIsKeptAsBytesWithMetadata() {
    Path npz = directory.resolve("x.npz");
    List<TensorEntry> entries =
        List.of(
            new TensorEntry("w", "q8_0", Shape.of(4, 32), 4 * 34),
            TensorEntry.of("f", new TensorType(DType.F8_E4M3, Shape.of(2, 3))),
            TensorEntry.of("x", TYPE));
    byte[] blocks = new byte[4 * 34];
    new Random(1).nextBytes(blocks);
    byte[] eighths = {0x38, 0x40, 0, 1, 2, 3};
    try (TensorFileWriter writer =
        formatOf(npz).create(npz, entries, Map.of("format", "pt", "läng/e.npy", "zwölf"))) {
      writer.write(0, 0, MemorySegment.ofArray(blocks));
      writer.write(1, 0, MemorySegment.ofArray(eighths));
      writer.write(2, 0, VALUES);
      writer.commit();
    }
    try (TensorFile file = formatOf(npz).open(npz)) {
      assertThat(file.entries()).isEqualTo(entries);
      assertThat(file.bytes("w").toArray(ValueLayout.JAVA_BYTE)).isEqualTo(blocks);
      assertThat(file.tensor("f").getDouble(0, 1)).isEqualTo(2);
      assertThat(file.tensor("f").type())
          .isEqualTo(new TensorType(DType.F8_E4M3, Shape.of(2, 3)));
      assertThat(file.metadata())
          .containsEntry("format", "pt")
          .containsEntry("läng/e.npy", "zwölf");
      assertThatThrownBy(() -> file.tensor("w"))
          .isInstanceOf(TensorException.class)
          .hasMessageContaining("q8_0");
    }
  }

  @Test
  void aShapeThatTheBytesDoNotFillIsRefused() {
    Path npz = directory.resolve("x.npz");
    Map<String, String> metadata =
        Map.of("tensorbridge.scheme.x", "f8_e4m3", "tensorbridge.shape.x", "1000000,1000");
    try (TensorFileWriter writer = formatOf(npz).create(npz, one("x"), metadata)) {
      writer.commit();
    }
    assertThatThrownBy(() -> formatOf(npz).open(npz))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("tensorbridge.shape.x");
  }

  @Test
  void aFolderThatIsNotThereSaysSo() {
    assertThatThrownBy(() -> NpyWriter.create(directory.resolve("no/x.npy"), TYPE))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("NoSuchFile");
  }

  private static List<TensorEntry> one(String name) {
    return List.of(TensorEntry.of(name, TYPE));
  }

  private static List<TensorEntry> twice(String name) {
    return List.of(TensorEntry.of(name, TYPE), TensorEntry.of(name, TYPE));
  }

  private static TensorFileFormat formatOf(Path path) {
    return TensorFileFormats.ofServices().forPath(path);
  }
}
