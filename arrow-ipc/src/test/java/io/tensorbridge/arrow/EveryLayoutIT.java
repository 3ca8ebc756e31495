package io.tensorbridge.arrow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tensorbridge.Access;
import io.tensorbridge.shm.SharedRegion;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** PyArrow writes every layout, which is read and written again here; it must find the same. */
@Timeout(300)
class EveryLayoutIT {
  private static final String SCRIPT = "layouts.py";

  @TempDir
  private Path directory;

  @BeforeAll
  static void needsPyArrow() {
    assumeTrue(PyArrow.isInstalled(), "PyArrow is not installed");
  }

  static Stream<String> kinds() {
    return Stream.of(
        "file none 17", "file none 1", "file none 0", "stream none 17", "v4 none 9",
        "sliced zstd 40", "chunks lz4 23", "stream zstd 20000", "file lz4 3000", "deltas none 4",
        "deltas zstd 4", "replaced none 3");
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void comesBackFromEveryTarget(String kind) throws IOException {
    String[] words = kind.split(" ");
    Path theirs = directory.resolve("theirs.arrow");
    PyArrow.runScript(SCRIPT, "write", theirs, words[0], words[1], words[2]);
    boolean replaced = words[0].equals("replaced");
    List<Path> written = new ArrayList<>(List.of(atAnOddAddress(theirs)));

    try (ArrowFile file = ArrowFile.open(theirs)) {
      file.batches().forEach(batch -> batch.columns().forEach(ArrowColumn::validate));
      assertThat(file.statistics().columns()).hasSize(file.schema().fields().size());
      for (WriteOptions options : List.of(WriteOptions.file(), WriteOptions.stream())) {
        WriteOptions told = options.withFooterMetadata(file.footerMetadata());
        if (!replaced || options.streaming()) {
          written.add(toPath(file, told));
          written.add(toPath(file, told.withCompression(ArrowCompression.LZ4_FRAME)));
          written.add(toPath(file, told.withCompression(ArrowCompression.ZSTD)));
          written.add(toChannel(file, told));
          written.add(throughRegion(file, told));
        }
      }
    }
    List<Object> arguments = new ArrayList<>(List.of("same", theirs));
    arguments.addAll(written);
    PyArrow.runScript(SCRIPT, arguments.toArray());
  }

  @ParameterizedTest
  @ValueSource(strings = {"file none 17", "sliced lz4 40", "deltas none 4", "replaced zstd 3"})
  void everyValueIsThatOfPyArrow(String kind) {
    String[] words = kind.split(" ");
    Path theirs = directory.resolve("theirs.arrow");
    PyArrow.runScript(SCRIPT, "write", theirs, words[0], words[1], words[2]);
    List<String> lines = new ArrayList<>();
    try (ArrowFile file = ArrowFile.open(theirs)) {
      for (ArrowBatch batch : file.batches()) {
        for (ArrowColumn column : batch.columns()) {
          lines.add(column.field().name() + ": " + ColumnText.of(column));
        }
      }
    }
    assertThat(lines).containsExactly(PyArrow.runScript(SCRIPT, "text", theirs).split("\n"));
  }

  private Path toPath(ArrowFile file, WriteOptions options) throws IOException {
    Path path = Files.createTempFile(directory, "ours", ".arrow");
    try (ArrowWriter writer = ArrowWriter.toPath(path, file.schema(), options)) {
      file.batches().forEach(writer::write);
      assertThat(writer.finish()).isPositive();
    }
    return path;
  }

  private Path toChannel(ArrowFile file, WriteOptions options) throws IOException {
    Path path = Files.createTempFile(directory, "ours", ".arrow");
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE);
        ArrowWriter writer = ArrowWriter.toChannel(channel, file.schema(), options)) {
      file.batches().forEach(writer::write);
      assertThat(writer.finish()).isEqualTo(channel.size());
    }
    return path;
  }

  /** Written into a region, read from there, and written once more. */
  private Path throughRegion(ArrowFile file, WriteOptions options) throws IOException {
    Path path = Files.createTempFile(directory, "ours", ".arrow");
    long length = ArrowWriter.byteLength(file.schema(), file.batches(), options);
    try (SharedRegion shared = SharedRegion.create("test", length, Access.READWRITE);
        ArrowWriter writer =
            ArrowWriter.toRegion(shared.region(), 0, file.schema(), options)) {
      file.batches().forEach(writer::write);
      assertThat(shared.region().segment().asSlice(0, 8).mismatch(
          MemorySegment.ofArray(new byte[8]))).isEqualTo(-1);
      assertThat(writer.finish()).isEqualTo(length);
      try (ArrowFile read = ArrowFile.open(shared.region());
          ArrowWriter second = ArrowWriter.toPath(path, read.schema(), options)) {
        assertThat(shared.region().leaseCount()).isEqualTo(1);
        read.batches().forEach(second::write);
        second.finish();
      }
      assertThat(shared.region().leaseCount()).isZero();
    }
    return path;
  }

  /** Read from memory that no buffer is aligned in. */
  private Path atAnOddAddress(Path theirs) throws IOException {
    byte[] bytes = Files.readAllBytes(theirs);
    Path ours = Files.createTempFile(directory, "ours", ".arrow");
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment odd = arena.allocate(bytes.length + 1L, 64).asSlice(1);
      odd.copyFrom(MemorySegment.ofArray(bytes));
      try (ArrowFile file = ArrowFile.open(odd);
          ArrowWriter writer =
              ArrowWriter.toPath(ours, file.schema(), WriteOptions.stream())) {
        file.batches().forEach(batch -> batch.columns().forEach(ArrowColumn::validate));
        file.batches().forEach(writer::write);
        writer.finish();
      }
    }
    return ours;
  }
}
