package io.tensorbridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.batch.BatchServer;
import io.tensorbridge.batch.ServerOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Java examples do what their readers are told; each runs in a JVM of its own, from source. */
class JavaExamplesIT {
  private static final Path EXAMPLES = Path.of(System.getProperty("tensorbridge.root"), "examples");

  @TempDir
  Path folder;

  private static String run(String example, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(System.getProperty("tensorbridge.jvm.flags").strip().split(" +")));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(EXAMPLES.resolve("java/src/main/java/example/" + example + ".java").toString());
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    return output;
  }

  @Test
  void aFileIsReadAndItsMatricesAreQuantized() throws Exception {
    String model = EXAMPLES.resolve("model.safetensors").toString();
    assertThat(run("ReadAndQuantize", model, "q8_0"))
        .contains("a.weight (16, 64): 4,096 -> 1,088 bytes")
        .doesNotContain("a.bias");
  }

  @Test
  void aClientHasAServerQuantizeInSharedMemory() throws Exception {
    Path socket = folder.resolve("server").resolve("s");
    BatchServer server = BatchServer.listen(socket, ServerOptions.defaults());
    try (server) {
      assertThat(run("ClientToServer", socket.toString())).contains("a.weight -> 1,740,800 bytes");
    }
  }
}
