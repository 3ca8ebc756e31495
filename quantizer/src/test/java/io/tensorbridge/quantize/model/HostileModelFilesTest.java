package io.tensorbridge.quantize.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.tensorbridge.FormatException;
import io.tensorbridge.file.TensorFileFormats;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class HostileModelFilesTest {
  static Stream<Path> hostileFiles() {
    return Stream.of(
        "hostile-safetensors", "hostile-index", "hostile-gguf", "hostile-npy", "hostile-npz")
        .flatMap(ModelFiles::resources);
  }

  @ParameterizedTest
  @MethodSource("hostileFiles")
  @SuppressWarnings("resource") // nothing is opened
  void isRefusedForTheRuleInItsName(Path path) {
    FormatException refused =
        catchThrowableOfType(
            FormatException.class, () -> TensorFileFormats.ofServices().forPath(path).open(path));

    assertThat(refused).isNotNull();
    assertThat(ModelFiles.slug(refused.rule())).isEqualTo(ModelFiles.ruleOf(path));
    assertThat(refused.byteOffset()).isBetween(0L, path.toFile().length());
    assertThat(refused).hasMessageContaining(path.toString()).hasMessageContaining("byte ");
  }

  static Stream<Path> hostileCheckpoints() {
    return ModelFiles.resources("hostile-checkpoint");
  }

  /** Such a file is sound by itself; what its entries mean together is not. */
  @ParameterizedTest
  @MethodSource("hostileCheckpoints")
  void isRefusedWhenItsTensorsAreRead(Path path) {
    FormatException refused = catchThrowableOfType(FormatException.class, () -> readAll(path));

    assertThat(refused).isNotNull();
    assertThat(ModelFiles.slug(refused.rule())).isEqualTo(ModelFiles.ruleOf(path));
    assertThat(refused).hasMessageContaining("l");
  }

  private static void readAll(Path path) {
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      for (ModelTensor tensor : ModelTensor.of(file)) {
        tensor.floats(file);
      }
    }
  }
}
