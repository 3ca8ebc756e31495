package io.tensorbridge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tensorbridge.batch.BatchServer;
import io.tensorbridge.batch.ServerOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The C example has the quantizer of the whole command quantize, and compares every byte. */
class CExampleIT {
  @TempDir
  Path folder;

  private record Ended(int exitCode, String output) {}

  private static Ended run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(List.of(command)).redirectErrorStream(true).start();
    String output =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Ended(process.waitFor(), output);
  }

  private String compile() throws InterruptedException {
    Path source = Path.of(System.getProperty("tensorbridge.root"), "examples", "c", "main.c");
    String program = folder.resolve("example").toString();
    try {
      Ended compiler =
          run("cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", source.toString(), "-o",
              program, "-lm");
      assertThat(compiler.exitCode()).as(compiler.output()).isZero();
    } catch (IOException missing) {
      assumeTrue(false, "cc is not installed");
    }
    return program;
  }

  @Test
  void bothQuantizersGiveTheSameBytes() throws Exception {
    String program = compile();
    Path socket = folder.resolve("server").resolve("s");
    BatchServer server = BatchServer.listen(socket, ServerOptions.defaults());
    try (server) {
      Ended example = run(program, socket.toString());
      assertThat(example.exitCode()).as(example.output()).isZero();
      assertThat(example.output()).contains("q8_0, 17408 bytes, all as expected");
    }
  }
}
