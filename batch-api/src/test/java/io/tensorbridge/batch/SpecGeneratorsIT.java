package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The files of {@code spec/} are what their generators write. */
class SpecGeneratorsIT {
  @ParameterizedTest
  @ValueSource(strings = {"vectors", "hostile"})
  void generatingThemAgainChangesNothing(String folder) throws Exception {
    Process python;
    try {
      python =
          new ProcessBuilder(
              "python3", SpecFile.folder(folder).resolve("generate.py").toString(), "--check")
              .redirectErrorStream(true).start();
    } catch (IOException missing) {
      assumeTrue(false, "python3 is not installed");
      return;
    }
    String output =
        new String(python.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(python.waitFor()).as(output).isZero();
  }
}
