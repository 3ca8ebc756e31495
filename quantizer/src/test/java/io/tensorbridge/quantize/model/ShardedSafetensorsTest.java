package io.tensorbridge.quantize.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.FormatException;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ShardedSafetensorsTest {
  @TempDir
  private Path directory;

  @BeforeEach
  void putShard() throws IOException {
    Files.copy(ModelFiles.resource("golden.safetensors"), directory.resolve("1.safetensors"));
  }

  @Test
  void showsTheTensorsOfAllShards() throws IOException {
    Files.copy(directory.resolve("1.safetensors"), directory.resolve("2.safetensors"));
    Path index =
        index("{\"metadata\":{\"total_size\":132},\"weight_map\":"
            + "{\"scalar\":\"2.safetensors\",\"b.weight\":\"1.safetensors\"}}");

    try (TensorFile file = TensorFileFormats.ofServices().forPath(index).open(index)) {
      assertThat(file.entries())
          .extracting(TensorEntry::name)
          .containsExactly("scalar", "b.weight");
      assertThat(file.tensor("scalar").getDouble()).isEqualTo(7.5);
      assertThat(file.metadata()).containsEntry("total_size", "132");
    }
  }

  @Test
  void namesAMissingShard() throws IOException {
    Path index = index("{\"weight_map\":{\"a\":\"gone.safetensors\"}}");

    assertThatThrownBy(() -> ShardedSafetensors.open(index))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("gone.safetensors of tensor \"a\" is missing");
  }

  @Test
  void namesATensorThatItsShardLacks() throws IOException {
    Path index = index("{\"weight_map\":{\"a\":\"1.safetensors\"}}");

    assertThatThrownBy(() -> ShardedSafetensors.open(index))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("1.safetensors has no tensor \"a\"");
  }

  private Path index(String json) throws IOException {
    return Files.writeString(directory.resolve("model.safetensors.index.json"), json);
  }
}
