package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** The C example, a client written from the pages of {@code spec/} alone, works with the server. */
class CExampleIT {
  @RegisterExtension
  static final NothingLeft NOTHING_LEFT = new NothingLeft();

  @TempDir
  static Path folder;

  private record Ended(int exitCode, String output) {}

  @BeforeAll
  static void compile() throws Exception {
    Path source =
        Path.of(System.getProperty("tensorbridge.root"), "examples", "c", "main.c");
    Ended compiler;
    try {
      compiler =
          run("cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", source.toString(), "-o",
              program(), "-lm");
    } catch (IOException missing) {
      assumeTrue(false, "cc is not installed");
      return;
    }
    assertThat(compiler.exitCode()).as(compiler.output()).isZero();
  }

  private static String program() {
    return folder.resolve("example").toString();
  }

  private static Ended run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(List.of(command)).redirectErrorStream(true).start();
    String output =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Ended(process.waitFor(), output);
  }

  @Test
  void theServerReadsItsTensor() throws Exception {
    Path socket = folder.resolve("server").resolve("s");
    BatchServer server = BatchServer.listen(socket, ServerOptions.defaults());
    try (server) {
      Ended example = run(program(), socket.toString(), "noop");
      assertThat(example.exitCode()).as(example.output()).isZero();
      assertThat(example.output()).contains("float32(64, 256)", "noop");
    }
  }

  @Test
  void itSaysWhatTheServerRefuses() throws Exception {
    Path socket = folder.resolve("refusing").resolve("s");
    BatchServer server = BatchServer.listen(socket, ServerOptions.defaults());
    try (server) {
      Ended example = run(program(), socket.toString());
      assertThat(example.exitCode()).isEqualTo(1);
      assertThat(example.output()).contains("operation \"quantize\" is unknown");
    }
  }

  @Test
  void itSaysThatNobodyListens() throws Exception {
    Ended example = run(program(), folder.resolve("nobody").toString());
    assertThat(example.exitCode()).isEqualTo(1);
    assertThat(example.output()).startsWith("connect: ");
  }
}
