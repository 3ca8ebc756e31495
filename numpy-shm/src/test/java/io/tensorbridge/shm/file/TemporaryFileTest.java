package io.tensorbridge.shm.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Nothing is left behind, however a process ends; half of the tests end one without warning. */
class TemporaryFileTest {
  private static final long LARGE = Long.MAX_VALUE;
  private static final long SMALL = 1;

  @TempDir
  private Path directory;

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.toList();
    }
  }

  private static void write(TemporaryFile file, String text) throws IOException {
    file.channel().write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)), 0);
  }

  @ParameterizedTest
  @ValueSource(longs = {SMALL, LARGE})
  void appearsWholeAndReplacesAnOlderFile(long expectedBytes) throws IOException {
    Path target = directory.resolve("größe.bin");
    for (String text : List.of("first", "second")) {
      try (TemporaryFile file = TemporaryFile.create(target, expectedBytes)) {
        write(file, text);
        file.commit();
        assertThatThrownBy(file::commit).isInstanceOf(IllegalStateException.class);
      }
      assertThat(target).hasContent(text);
    }
    assertThat(files()).containsExactly(target);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(target)))
        .isEqualTo(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(Files.createFile(directory.resolve("plain")))));
  }

  @ParameterizedTest
  @ValueSource(longs = {SMALL, LARGE})
  void leavesTheOlderFileAloneUnlessItIsCommitted(long expectedBytes) throws IOException {
    Path target = directory.resolve("a.bin");
    Files.writeString(target, "old");
    try (TemporaryFile file = TemporaryFile.create(target, expectedBytes)) {
      write(file, "new");
      file.extend(100);
      assertThat(file.channel().size()).isEqualTo(100);
      assertThat(target).hasContent("old");
    }
    assertThat(target).hasContent("old");
    assertThat(files()).containsExactly(target);
  }

  @Test
  void aLargeFileHasNoNameUntilItIsCommitted() throws IOException {
    Path target = directory.resolve("a.bin");
    try (TemporaryFile file = TemporaryFile.create(target, LARGE)) {
      write(file, "new");
      assertThat(files()).isEmpty();
      file.commit();
    }
    assertThat(files()).containsExactly(target);
  }

  @Test
  void twoFilesForOneTargetDontDisturbEachOther() throws IOException {
    Path target = directory.resolve("a.bin");
    try (TemporaryFile first = TemporaryFile.create(target, SMALL);
        TemporaryFile second = TemporaryFile.create(target, SMALL)) {
      write(first, "first");
      write(second, "second");
      first.commit();
      assertThat(target).hasContent("first");
      second.commit();
    }
    assertThat(target).hasContent("second");
    assertThat(files()).containsExactly(target);
  }

  @Test
  void aKilledProcessLeavesNothingOfALargeFile() throws IOException, InterruptedException {
    Process writer = start(LARGE);

    writer.destroyForcibly().waitFor();

    assertThat(files()).isEmpty();
  }

  @Test
  void theNextFileRemovesWhatAKilledProcessLeftOfASmallOne()
      throws IOException, InterruptedException {
    Process writer = start(SMALL);
    Path target = directory.resolve("a.bin");
    try (TemporaryFile file = TemporaryFile.create(target, SMALL)) {
      assertThat(files()).as("the other process lives").hasSize(2);
      write(file, "while the other lives");
    }
    assertThat(files()).hasSize(1);
    Files.writeString(directory.resolve(".a.bin.mine.tmp"), "a user's own");

    writer.destroyForcibly().waitFor();
    assertThat(files()).hasSize(2);
    try (TemporaryFile file = TemporaryFile.create(target, SMALL)) {
      write(file, "next");
      file.commit();
    }

    assertThat(files()).containsExactlyInAnyOrder(target, directory.resolve(".a.bin.mine.tmp"));
  }

  @Test
  void namesTheDirectoryThatIsMissing() {
    Path target = directory.resolve("none").resolve("a.bin");
    for (long expectedBytes : new long[]{SMALL, LARGE}) {
      assertThatThrownBy(() -> TemporaryFile.create(target, expectedBytes))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("none");
    }
  }

  /** A process that holds a half-written file and waits. */
  private Process start(long expectedBytes) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.addAll(
        List.of(
            "-cp", System.getProperty("java.class.path"), Writer.class.getName(),
            directory.resolve("a.bin").toString(), Long.toString(expectedBytes)));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    assertThat(process.inputReader(StandardCharsets.UTF_8).readLine()).isEqualTo("written");
    return process;
  }

  /** Writes half a file, says so, and waits to be killed. */
  static final class Writer {
    public static void main(String[] arguments) throws IOException {
      try (TemporaryFile file =
          TemporaryFile.create(Path.of(arguments[0]), Long.parseLong(arguments[1]))) {
        write(file, "half");
        System.out.println("written");
        int end = System.in.read();
        throw new IllegalStateException("was not killed: " + end);
      }
    }
  }
}
